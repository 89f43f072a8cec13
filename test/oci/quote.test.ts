import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, quote } from '../../oci/quote.js';
import { anyText } from './arbitraries.js';

/** Most of the characters that matter here are among the first few thousand. */
const texts = fc.oneof(
  anyText,
  fc.string({ unit: fc.nat({ max: 0x2fff }).map((code) => String.fromCharCode(code)) }),
);

describe('printable', () => {
  it('leaves nothing that ends a line, moves a cursor or hides', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(printable(printable(text))).toBe(printable(text));
      }),
    );
  });

  it.each([
    ['plain text, \u00e9 and \u{1f600}', 'plain text, \u00e9 and \u{1f600}'],
    ['\u001b[31mred', '\\u001b[31mred'],
    ['a\r\nb', 'a\\u000d\\u000ab'],
    ['\u009b2J', '\\u009b2J'],
    ['gpj\u202eexe', 'gpj\\u202eexe'],
    ['\u2028\u2029\ufeff\u200b', '\\u2028\\u2029\\ufeff\\u200b'],
    ['\ud800', '\\ud800'],
    ['\u{e0041}', '\\u{e0041}'],
  ])('writes %j as %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });
});

describe('quote', () => {
  it('gives one printable line in quotes that a reader can tell the ends of', () => {
    fc.assert(
      fc.property(texts, fc.nat({ max: 50 }), (text, limit) => {
        const quoted = quote(text, limit);
        expect(quoted).toMatch(/^"(?:[^"\\]|\\.)*"$/);
        expect(quoted).toBe(printable(quoted));
        expect(quoted.length).toBeLessThanOrEqual(9 * (limit + 1) + 2);
      }),
    );
  });

  it.each([
    ['', '""'],
    ['team/app', '"team/app"'],
    ['say "no"\\', '"say \\"no\\"\\\\"'],
    ['a\n', '"a\\n"'],
  ])('quotes %j as %s', (text, quoted) => {
    expect(quote(text)).toBe(quoted);
  });

  it('cuts at the limit and shows that it did', () => {
    expect(quote('abcdef', 6)).toBe('"abcdef"');
    expect(quote('abcdefg', 6)).toBe('"abcdef…"');
    expect(quote('a'.repeat(1_000_000)).length).toBe(203);
  });
});
