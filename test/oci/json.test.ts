import { isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dropNulls, encodeJson, isObject, isStringList, isStringMap, parseJson } from '../../oci/json.js';
import { messageOf, outcome } from './arbitraries.js';

const anyUnit = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Node's own answer to whether bytes are JSON. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString());
    return isUtf8(bytes);
  } catch {
    return false;
  }
}

describe('parseJson and encodeJson', () => {
  it('parses what was encoded back to what it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: anyUnit }), (value) => {
        const bytes = encodeJson(value);
        expect(encodeJson(parseJson(bytes, 'it'))).toEqual(bytes);
        expect(Buffer.from(bytes).toString()).toBe(JSON.stringify(value));
      }),
    );
  });

  it('parses what is nested 1000 deep, and no deeper', () => {
    const nested = (depth: number, open: string, close: string): Uint8Array =>
      utf8(open.repeat(depth) + '1' + close.repeat(depth));
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['{"[[[[\\"":', '}'],
    ] as const) {
      const bytes = nested(1000, open, close);
      expect(encodeJson(parseJson(bytes, 'it'))).toEqual(bytes);
      expect(() => parseJson(nested(1001, open, close), 'it')).toThrow(
        'it is not valid JSON: it is nested more than 1000 deep',
      );
    }
    // Beside each other, and in text, brackets are no depth.
    const flat = utf8(`[${'[],'.repeat(2000)}"${'['.repeat(3000)}"]`);
    expect(encodeJson(parseJson(flat, 'it'))).toEqual(flat);
  });

  it('throws nothing but its OciError, and only for what is not UTF-8 JSON', () => {
    const documents = fc.json().map(utf8);
    const broken = fc.tuple(documents, fc.nat(), fc.nat({ max: 255 })).map(([bytes, at, byte]) => {
      const copy = Uint8Array.from(bytes);
      copy[at % copy.length] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(documents, broken, fc.uint8Array()), (bytes) => {
        expect(outcome(() => parseJson(bytes, 'it'))).toBe(isJson(bytes) ? 'ok' : 'MANIFEST_INVALID');
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['nothing', ''],
    ['half a document', '{"a":'],
    ['two documents', '{}{}'],
    ['a comment', '{}//'],
    ['a trailing comma', '[1,]'],
    ['NaN', 'NaN'],
    ['a byte order mark, which Go refuses', '\ufeff{}'],
  ])('refuses %s under the code it is given', (_, text) => {
    expect(outcome(() => parseJson(utf8(text), 'index.json', 'STORE_CORRUPT'))).toBe('STORE_CORRUPT');
    expect(messageOf(() => parseJson(utf8(text), 'index.json'))).toMatch(/^index\.json is not valid JSON: /);
  });

  it.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['UTF-16', [0x7b, 0x00, 0x7d, 0x00]],
  ])('refuses %s', (_, bytes) => {
    expect(outcome(() => parseJson(Uint8Array.from(bytes), 'it'))).toBe('MANIFEST_INVALID');
  });

  it('tells of hostile text on one printable line', () => {
    const message = messageOf(() => parseJson(utf8('\u001b[2J\n\u202e{'), 'it'));
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(message.length).toBeLessThan(500);
  });

  it('keeps keys that name parts of every object, and lets them change none', () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const value = parseJson(utf8(text), 'it');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
    expect(Buffer.from(encodeJson(value)).toString()).toBe(text);
  });

  it('never encodes a value without a JSON form as nothing at all', () => {
    expect(outcome(() => encodeJson(undefined))).toBe('INVALID_OPTION');
    expect(outcome(() => encodeJson(() => 1))).toBe('INVALID_OPTION');
  });
});

describe('shapes', () => {
  it('tells objects from everything else that JSON has', () => {
    const values = [{}, { a: 1 }, Object.create(null), null, [], 'a', 1, true, undefined];
    expect(values.map(isObject)).toEqual([true, true, true, false, false, false, false, false, false]);
  });

  it('knows maps and lists of text', () => {
    expect([{}, { a: '' }, JSON.parse('{"__proto__":"x"}')].every(isStringMap)).toBe(true);
    expect([null, [], 'a', { a: 1 }, { a: null }, JSON.parse('{"__proto__":1}')].some(isStringMap)).toBe(
      false,
    );
    expect([[], ['a']].every(isStringList)).toBe(true);
    expect([null, {}, 'a', [1], ['a', null]].some(isStringList)).toBe(false);
  });
});

describe('dropNulls', () => {
  it('leaves out those keys that are null, and nothing else', () => {
    const object = JSON.parse('{"a":null,"b":null,"c":0,"__proto__":{"d":1}}') as Record<string, unknown>;
    expect(JSON.stringify(dropNulls(object, ['a', 'c', 'd']))).toBe('{"b":null,"c":0,"__proto__":{"d":1}}');
    expect(dropNulls(object, ['c', 'd'])).toBe(object);
  });
});
