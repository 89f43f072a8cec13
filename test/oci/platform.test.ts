import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPlatform, parsePlatform, platformMatches, type Platform } from '../../oci/platform.js';
import { hostileTexts, messageOf, mixed, outcome } from './arbitraries.js';

const words = fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/);
const platforms: fc.Arbitrary<Platform> = fc.record(
  { os: words, architecture: words, variant: words, 'os.version': words },
  { requiredKeys: ['os', 'architecture'] },
);

const GRAMMAR = /^(?:[A-Za-z0-9_.-]+\/){1,2}[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)?$/;

describe('parsePlatform and formatPlatform', () => {
  it('parses what was printed back to what it was', () => {
    fc.assert(
      fc.property(platforms, (platform) => {
        expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
      }),
    );
  });

  it('accepts exactly its grammar, and prints what it accepts as it was', () => {
    fc.assert(
      fc.property(mixed(platforms.map(formatPlatform)), (text) => {
        const code = outcome(() => parsePlatform(text));
        expect(code).toBe(GRAMMAR.test(text) ? 'ok' : 'INVALID_OPTION');
        if (code === 'ok') expect(formatPlatform(parsePlatform(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, Platform]>([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64', variant: 'v8' }],
    [
      'windows/amd64:10.0.20348.2402',
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2402' },
    ],
    ['linux/arm/v7:1', { os: 'linux', architecture: 'arm', variant: 'v7', 'os.version': '1' }],
    ['unknown/unknown', { os: 'unknown', architecture: 'unknown' }],
  ])('reads %s', (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform);
  });

  it.each([
    '',
    'linux',
    'all',
    '/',
    'linux/',
    '/amd64',
    'a/b/',
    'a/b/c/d',
    'a//b',
    'a/b:',
    'a/b:c:d',
    'a/b:c/d',
    'a b/c',
  ])('refuses %j with an example of what is right', (text) => {
    expect(outcome(() => parsePlatform(text))).toBe('INVALID_OPTION');
    expect(messageOf(() => parsePlatform(text))).toContain('linux/arm64/v8');
  });

  it('refuses long text with a short message', () => {
    for (const text of [...hostileTexts(100_000), `linux/${'a'.repeat(100_000)}`, 'a/'.repeat(50_000)]) {
      expect(outcome(() => parsePlatform(text))).toBe('INVALID_OPTION');
      expect(messageOf(() => parsePlatform(text)).length).toBeLessThan(2_000);
    }
  });

  it('leaves out what is empty, as Go writes it', () => {
    expect(formatPlatform({ os: 'linux', architecture: 'arm', variant: '', 'os.version': '' })).toBe(
      'linux/arm',
    );
  });
});

describe('platformMatches', () => {
  const matches = (have: string, want: string): boolean =>
    platformMatches(parsePlatform(have), parsePlatform(want));

  it('is true of itself, and of every wish that names less', () => {
    fc.assert(
      fc.property(platforms, (platform) => {
        const { os, architecture } = platform;
        expect(platformMatches(platform, platform)).toBe(true);
        fc.pre(!/^arm(?:hf|el)$/i.test(architecture));
        expect(platformMatches(platform, { os, architecture })).toBe(true);
      }),
    );
  });

  it('does not mind capitals', () => {
    fc.assert(
      fc.property(platforms, platforms, (have, want) => {
        const loud = { ...want, os: want.os.toUpperCase(), architecture: want.architecture.toUpperCase() };
        expect(platformMatches(have, loud)).toBe(platformMatches(have, want));
      }),
    );
  });

  it('agrees with containerd wherever a variant is asked for', () => {
    const file = new URL('../fixtures/peers/platforms.json', import.meta.url);
    interface Row {
      readonly want: string;
      readonly matches: readonly string[];
      readonly refuses: readonly string[];
    }
    for (const row of JSON.parse(readFileSync(file, 'utf8')) as Row[]) {
      expect([row.want, row.matches.filter((have) => !matches(have, row.want))]).toEqual([row.want, []]);
      expect([row.want, row.refuses.filter((have) => matches(have, row.want))]).toEqual([row.want, []]);
    }
  });

  it.each([
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm64/v9', 'linux/arm64', true],
    ['linux/arm64/v9', 'linux/arm64/v8', false],
    ['linux/arm/v6', 'linux/arm', true],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/arm', 'linux/arm/v6', false],
    ['linux/amd64', 'linux/x86_64', true],
    ['linux/amd64', 'linux/amd64/v3', false],
    ['linux/386', 'linux/amd64', false],
    ['linux/arm/v7', 'linux/armhf', true],
    ['linux/arm/v6', 'linux/armhf', false],
    ['darwin/arm64', 'macos/aarch64', true],
    ['linux/riscv64', 'linux/riscv64/rva20', false],
    ['linux/constructor', 'linux/constructor', true],
    ['windows/amd64:10.0.20348.2402', 'windows/amd64', true],
    ['windows/amd64:10.0.20348.2402', 'windows/amd64:10.0.20348', true],
    ['windows/amd64:10.0.20348.2402', 'windows/amd64:10.0.20348.2402', true],
    ['windows/amd64:10.0.20348.2402', 'windows/amd64:10.0.2034', false],
    ['windows/amd64:10.0.20348', 'windows/amd64:10.0.20348.2402', false],
    ['windows/amd64', 'windows/amd64:10.0.20348', false],
  ])('%s serves %s: %s', (have, want, expected) => {
    expect(matches(have, want)).toBe(expected);
  });

  it('takes empty fields for absent ones', () => {
    const bare = { os: 'linux', architecture: 'arm64' };
    const empty = { ...bare, variant: '', 'os.version': '', 'os.features': [] };
    expect([platformMatches(bare, empty), platformMatches(empty, bare)]).toEqual([true, true]);
    expect(platformMatches(empty, { ...bare, variant: 'v8' })).toBe(true);
  });

  it('wants every feature it names, in any order', () => {
    const base = { os: 'windows', architecture: 'amd64' };
    const have = { ...base, 'os.features': ['win32k', 'a', 'b'] };
    expect(platformMatches(have, { ...base, 'os.features': ['b', 'win32k'] })).toBe(true);
    expect(platformMatches(have, { ...base, 'os.features': ['c'] })).toBe(false);
    expect(platformMatches(base, { ...base, 'os.features': ['win32k'] })).toBe(false);
    expect(platformMatches(have, base)).toBe(true);
  });
});
