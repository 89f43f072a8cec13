import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHost, looksLikeHost } from '../../oci/host.js';
import { hosts, hostileTexts, mixed } from './arbitraries.js';

/** Docker's grammar of a domain with a port, read label by label. */
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOCKER = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:.]+\\])(?::[0-9]+)?$`);

describe('isHost', () => {
  it('accepts every domain, IPv4 address and bracketed IPv6 address, with or without a port', () => {
    fc.assert(
      fc.property(hosts, (host) => {
        expect(isHost(host)).toBe(true);
      }),
    );
  });

  it('accepts only what Docker accepts and what stays the same host and port in a URL', () => {
    fc.assert(
      fc.property(mixed(hosts), (text) => {
        if (!isHost(text)) return;
        expect(text).toMatch(DOCKER);
        const url = new URL(`https://${text}/v2/`);
        const port = /:(\d+)$/.exec(text.replace(/^\[.*\]/, ''))?.[1];
        expect(url.port || '443').toBe(port ?? '443');
        expect([url.pathname, url.username, url.search, url.hash]).toEqual(['/v2/', '', '', '']);
        if (!text.startsWith('[')) expect(url.hostname).toBe(text.replace(/:\d+$/, '').toLowerCase());
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(
    'localhost LOCALHOST registry registry:443 a.b A.b:1 h:65535 127.0.0.1:5000 a--b.example xn--n3h.com 3com.example'.split(
      ' ',
    ),
  )('accepts %s', (host) => {
    expect(isHost(host)).toBe(true);
  });

  it.each(['[::1]', '[::1]:5000', '[FC00::1]:5000', '[::ffff:127.0.0.1]', '[0:0:0:0:0:0:0:1]', '[::]:1'])(
    'accepts %s',
    (host) => {
      expect(isHost(host)).toBe(true);
    },
  );

  const NO_NAMES = [
    [
      '',
      '.',
      '..',
      'a.',
      '.a',
      'a..b',
      '-a',
      'a-',
      'a-.b',
      'a.-b',
      'a_b',
      'a b',
      'a\n',
      'a/b',
      'a\\b',
      'a@b',
    ],
    [
      'a%62',
      'a?b',
      'a#b',
      '\u00e9.io',
      '\uff41.io',
      '\u212a.io',
      'a\u3002b',
      'u:p@h.io',
      'https:',
      'http://h',
    ],
  ];

  it.each(NO_NAMES.flat())('refuses %j, which is no name', (host) => {
    expect(isHost(host)).toBe(false);
  });

  it.each([
    'h:',
    'h:0',
    'h:00080',
    'h:080',
    'h:65536',
    'h:99999',
    'h:100000',
    'h:+1',
    'h:-1',
    'h:1e3',
    'h:1:2',
    'h:\u0661',
  ])('refuses the port of %j', (host) => {
    expect(isHost(host)).toBe(false);
  });

  const NO_ADDRESSES = [
    ['::1', '[]', '[:]', '[:::]', '[1]', '[1::2::3]', '[12345::]', '[::1', '::1]', '[::1]x', '[::1]5000'],
    ['[fe80::1%eth0]', '[fe80::1%25eth0]', '[::g]', '[127.0.0.1]', '[[::1]]', '[::1.2.3]'],
  ];

  it.each(NO_ADDRESSES.flat())('refuses %j, which is no IPv6 address in brackets', (host) => {
    expect(isHost(host)).toBe(false);
  });

  it.each([
    '127.1',
    '1.2.3',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '127.0.0.01',
    '999.1.1.1',
    '1.2.3.4.5',
    'foo.1',
  ])('refuses %s, which a URL reads as something else', (host) => {
    expect(isHost(host)).toBe(false);
  });

  it('ends at a name of 253 characters with a port', () => {
    const name = `${'a'.repeat(249)}.com`;
    expect(isHost(`${name}:65535`)).toBe(true);
    expect(isHost(`${name.repeat(2)}:65535`)).toBe(false);
    for (const text of hostileTexts(100_000)) expect(isHost(text)).toBe(false);
  });
});

describe('looksLikeHost', () => {
  it('is true of a dot, a colon, a capital, and localhost', () => {
    const yes = ['localhost', 'a.b', 'a:1', '::', '[::1]', 'A', 'fooBar', '.', ':', 'https:'];
    expect(yes.filter((text) => !looksLikeHost(text))).toEqual([]);
    const no = ['', 'a', 'library', 'local', 'localhosts', 'a-b', 'a_b', '5000', '[1]', '\u00c9'];
    expect(no.filter((text) => looksLikeHost(text))).toEqual([]);
  });
});
