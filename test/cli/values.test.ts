import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closest } from '../../cli/values/closest.js';
import { formatDuration, parseDuration } from '../../cli/values/duration.js';
import { formatSize, parseSize, showSize } from '../../cli/values/size.js';
import { parseWhole } from '../../cli/values/whole.js';

describe('sizes', () => {
  it.each([
    ['0', 0],
    ['1000000', 1_000_000],
    ['512KiB', 512 * 1024],
    ['10GiB', 10 * 1024 ** 3],
    ['1.5 GB', 1_500_000_000],
    ['2tb', 2e12],
    ['7B', 7],
    [42, 42],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    '',
    'GiB',
    '10G',
    '-1',
    '1e3',
    '10 parsecs',
    '1..5KB',
    '9007199254740992',
    ' 1  KB',
    Number.NaN,
    1.5e300,
  ])('%j is no size', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
  });

  it('shows a size to people', () => {
    expect([0, 1023, 1024, 1536, 300 * 1024, 5 * 1024 ** 3].map(showSize)).toEqual([
      '0 B',
      '1023 B',
      '1 KiB',
      '1.5 KiB',
      '300 KiB',
      '5 GiB',
    ]);
  });
});

describe('durations', () => {
  it.each([
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    [0, 0],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '30', 30, 's', '5 s', '-1s', '1w', '1h 30m', '1e3s', '99999999999999d'])(
    '%j is no duration',
    (text) => {
      expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    },
  );

  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });

  it('writes the defaults as people do', () => {
    expect([0, 30_000, 86_400_000, 172_800_000].map(formatDuration)).toEqual(['0', '30s', '24h', '2d']);
  });
});

describe('whole numbers', () => {
  it('takes what lies within the bounds', () => {
    expect([parseWhole('0', 0, 9), parseWhole(9, 0, 9)]).toEqual([0, 9]);
  });

  it.each(['10', '-1', '1.5', '', 'x', '1e0', 10])('refuses %j', (value) => {
    expect(() => parseWhole(value, 0, 9)).toThrow(/expected a whole number from 0 to 9/);
  });
});

describe('the closest word', () => {
  const known = ['log.level', 'log.format', 'port', 'publicUrl', 'host'];

  it.each([
    ['log.levle', 'log.level'],
    ['prot', 'port'],
    ['public_url', 'publicUrl'],
    ['PORT', 'port'],
    ['quota', undefined],
    ['', undefined],
  ])('of %j is %s', (word, meant) => {
    expect(closest(word, known)).toBe(meant);
  });
});
