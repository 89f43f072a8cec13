import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkUserName, isBcrypt, parseHtpasswd, userOfLine } from '../../../registry/access/htpasswd.js';
import { messageOf, outcome } from '../../oci/arbitraries.js';
import { userNames } from './arbitraries.js';

/** Written by `htpasswd -nbB alice pw`. */
const HASH = '$2y$05$KIMgL.TtPa3tjPiHme08r.HPFrilRwUubtMWeSolh1HrBc4MB9s4W';

describe('isBcrypt', () => {
  it.each(['$2a$', '$2b$', '$2y$'])('knows %s', (prefix) => {
    expect(isBcrypt(HASH.replace('$2y$', prefix))).toBe(true);
  });

  it.each([
    '',
    'secret',
    '$apr1$abc$def',
    '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
    HASH.replace('$2y$', '$2x$'),
    HASH.replace('$05$', '$03$'),
    HASH.replace('$05$', '$32$'),
    HASH.slice(0, -1),
    `${HASH}a`,
    `${HASH} `,
  ])('refuses %j', (text) => {
    expect(isBcrypt(text)).toBe(false);
  });
});

describe('parseHtpasswd', () => {
  it('reads users, and skips comments and blank lines', () => {
    const users = parseHtpasswd(`# team\n\nalice:${HASH}\r\n  \nbob:${HASH}\n`, 'f');
    expect([...users]).toEqual([
      ['alice', HASH],
      ['bob', HASH],
    ]);
    expect(parseHtpasswd('', 'f').size).toBe(0);
  });

  it('reads every user that may be written', () => {
    fc.assert(
      fc.property(fc.uniqueArray(userNames), (names) => {
        const text = names.map((name) => `${name}:${HASH}\n`).join('');
        expect([...parseHtpasswd(text, 'f').keys()]).toEqual(names);
        expect(names.every((name) => userOfLine(`${name}:${HASH}`) === name)).toBe(true);
      }),
    );
  });

  it('names every line that is wrong in one error, and no hash', () => {
    const text = [`alice:${HASH}`, 'bob', 'carol:$apr1$x$y', `alice:${HASH}`, `:${HASH}`].join('\n');
    const message = messageOf(() => parseHtpasswd(text, '/etc/users'));
    expect(message).toContain('htpasswd file /etc/users is not valid');
    expect(message).toContain('line 2 has no colon');
    expect(message).toContain('line 3 has a hash for "carol" that is not bcrypt');
    expect(message).toContain('line 4 names "alice" a second time');
    expect(message).toContain('line 5 has a user name that is not valid: it is empty');
    expect(message).toContain('ocilot user add');
    expect(message).not.toContain('$');
  });

  it('does not list a whole file of another kind', () => {
    const message = messageOf(() => parseHtpasswd('x\n'.repeat(1000), 'f'));
    expect(message).toContain('995 more');
    expect(message.length).toBeLessThan(500);
  });

  it('throws nothing but its own error', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a:#$\n\r 2y]{0,40}$/));
    fc.assert(
      fc.property(text, (given) => {
        expect(['ok', 'INVALID_OPTION']).toContain(outcome(() => parseHtpasswd(given, 'f')));
      }),
    );
  });
});

describe('checkUserName', () => {
  it.each([
    '',
    'a:b',
    'a\nb',
    'a\u0000',
    ' a',
    'a ',
    '#a',
    '*',
    'authenticated',
    'a'.repeat(256),
    'a\u202eb',
  ])('refuses %j', (name) => {
    expect(outcome(() => checkUserName(name))).toBe('INVALID_OPTION');
  });

  it('takes others as they are', () => {
    fc.assert(
      fc.property(userNames, (name) => {
        expect(checkUserName(name)).toBe(name);
      }),
    );
  });
});
