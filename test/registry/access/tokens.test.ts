import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tokens, tokenKey, type Claims } from '../../../registry/access/tokens.js';
import { openStore } from '../../../registry/storage/open.js';
import { outcome } from '../../oci/arbitraries.js';
import { userNames } from './arbitraries.js';
import { tempFolder } from './temp.js';

const KEY = Buffer.alloc(32, 7);

const claims: fc.Arbitrary<Claims> = fc.record(
  {
    kind: fc.constantFrom('access' as const, 'refresh' as const),
    user: userNames,
    scope: fc.string(),
    expires: fc.integer({ min: 1001 }),
  },
  { requiredKeys: ['kind'] },
);

describe('Tokens', () => {
  const tokens = new Tokens(KEY, () => 1000);

  it('gives back what was signed, as text for a header', () => {
    fc.assert(
      fc.property(claims, (given) => {
        const token = tokens.sign(given);
        expect(token).toMatch(/^[\w-]+\.[\w-]+$/);
        expect(tokens.verify(token, given.kind)).toEqual(given);
      }),
    );
  });

  it('refuses every token that was changed', () => {
    const token = tokens.sign({ kind: 'access', user: 'alice', scope: 'repository:a:pull' });
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_', '.'),
        (at, character) => {
          fc.pre(token[at] !== character);
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          expect(outcome(() => tokens.verify(changed, 'access'))).toBe('UNAUTHORIZED');
        },
      ),
    );
  });

  it.each(['', '.', '..', 'a.b', 'not a token', `${'a'.repeat(100)}.${'b'.repeat(43)}`])(
    'refuses %j',
    (token) => {
      expect(outcome(() => tokens.verify(token, 'access'))).toBe('UNAUTHORIZED');
    },
  );

  it('refuses one with more behind it', () => {
    const token = tokens.sign({ kind: 'access' });
    expect(outcome(() => tokens.verify(`${token}.more`, 'access'))).toBe('UNAUTHORIZED');
  });

  it('refuses one of another key, and of another kind', () => {
    const other = new Tokens(randomBytes(32), () => 1000);
    expect(outcome(() => tokens.verify(other.sign({ kind: 'access' }), 'access'))).toBe('UNAUTHORIZED');
    expect(outcome(() => tokens.verify(tokens.sign({ kind: 'refresh' }), 'access'))).toBe('UNAUTHORIZED');
  });

  it('refuses one whose time is over', () => {
    expect(outcome(() => tokens.verify(tokens.sign({ kind: 'access', expires: 1001 }), 'access'))).toBe('ok');
    expect(outcome(() => tokens.verify(tokens.sign({ kind: 'access', expires: 1000 }), 'access'))).toBe(
      'UNAUTHORIZED',
    );
  });

  it('makes other stamps for other users, secrets and keys', () => {
    const other = new Tokens(randomBytes(32), () => 0);
    const stamps = [
      tokens.stamp('alice', 'x'),
      tokens.stamp('alice', 'y'),
      tokens.stamp('bob', 'x'),
      other.stamp('alice', 'x'),
    ];
    expect(new Set(stamps).size).toBe(4);
    expect(tokens.stamp('alice', 'x')).toBe(stamps[0]);
  });
});

describe('tokenKey', () => {
  it('makes one key, also when two ask at once', async () => {
    const store = await openStore({ kind: 'memory' });
    const { records } = store.core;
    const found = await Promise.all([tokenKey(records), tokenKey(records), tokenKey(records)]);
    expect(found[0]).toHaveLength(32);
    expect(new Set(found.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
    await store.close();
  });

  it('keeps it in the data folder', async () => {
    await using folder = await tempFolder();
    const read = async (): Promise<Uint8Array> => {
      const store = await openStore({ kind: 'auto', folder: folder.path });
      const key = await tokenKey(store.core.records);
      await store.close();
      return key;
    };
    expect(Buffer.from(await read())).toEqual(Buffer.from(await read()));
  });
});
