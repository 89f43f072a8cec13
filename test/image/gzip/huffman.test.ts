import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalCodes, codeLengths } from '../../../image/gzip/huffman.js';

function lengthsOf(frequencies: readonly number[], limit: number): number[] {
  const lengths = new Uint8Array(frequencies.length);
  codeLengths(Int32Array.from(frequencies), limit, lengths);
  return [...lengths];
}

describe('codeLengths', () => {
  it.each([
    [[1, 1, 2, 2, 4], 15, [4, 4, 3, 2, 1]],
    [[1, 1, 1, 1, 1], 15, [3, 3, 2, 2, 2]],
    [[3, 0, 3, 3], 15, [2, 0, 2, 1]],
    [[1, 1, 1, 3, 3, 6], 15, [5, 5, 4, 3, 2, 1]],
    [[1, 1, 2, 3, 5, 8, 13, 21, 34, 55], 7, [7, 7, 7, 7, 6, 6, 4, 3, 2, 1]],
    [[0, 0, 9], 15, [0, 0, 1]],
    [[5, 0, 9], 15, [1, 0, 1]],
    [[0, 0], 7, [0, 0]],
  ])('%j within %i is %j, as Go has it', (frequencies, limit, lengths) => {
    expect(lengthsOf(frequencies, limit)).toEqual(lengths);
  });

  it('fills the code space, within the limit, the rarer symbol never shorter', () => {
    const symbols = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.nat(65_535)), {
      minLength: 3,
      maxLength: 128,
    });
    fc.assert(
      fc.property(symbols, fc.constantFrom(7, 15), (frequencies, limit) => {
        const lengths = lengthsOf(frequencies, limit);
        const used = lengths.flatMap((length, symbol) => (length > 0 ? [{ symbol, length }] : []));
        expect(used.map(({ symbol }) => symbol)).toEqual(
          frequencies.flatMap((frequency, symbol) => (frequency > 0 ? [symbol] : [])),
        );
        expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(limit);
        if (used.length < 2) return;
        expect(used.reduce((sum, { length }) => sum + 2 ** -length, 0)).toBe(1);
        const frequency = (symbol: number): number => frequencies[symbol] ?? 0;
        const byRarity = used.toSorted(
          (a, b) => frequency(a.symbol) - frequency(b.symbol) || a.symbol - b.symbol,
        );
        for (const [index, { length }] of byRarity.entries()) {
          expect(length).toBeLessThanOrEqual(byRarity[index - 1]?.length ?? limit);
        }
      }),
    );
  });
});

describe('canonicalCodes', () => {
  it('gives the example of RFC 1951, 3.2.2, bits reversed', () => {
    const codes = new Int32Array(8);
    canonicalCodes(Uint8Array.from([3, 3, 3, 3, 3, 2, 4, 4]), codes);
    const shown = [...codes].map((code) =>
      (code & 0xffff)
        .toString(2)
        .padStart(code >>> 16, '0')
        .split('')
        .toReversed()
        .join(''),
    );
    expect(shown).toEqual(['010', '011', '100', '101', '110', '00', '1110', '1111']);
  });
});
