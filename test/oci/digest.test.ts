import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DIGEST_ALGORITHMS,
  Digester,
  algorithmOf,
  digestOf,
  hexOf,
  isDigest,
  isDigestAlgorithm,
  parseDigest,
} from '../../oci/digest.js';
import { digests, hostileTexts, messageOf, mixed, outcome } from './arbitraries.js';

const SUPPORTED = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const ABC = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const ABC512 =
  'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f';
const HEX = EMPTY.slice(7);

describe('parseDigest', () => {
  it('accepts exactly the supported algorithms with lower-case hex of their length', () => {
    fc.assert(
      fc.property(mixed(digests), (text) => {
        const valid = SUPPORTED.test(text);
        expect(isDigest(text)).toBe(valid);
        expect(outcome(() => parseDigest(text))).toBe(valid ? 'ok' : 'DIGEST_INVALID');
      }),
      { numRuns: 500 },
    );
  });

  it('returns the text it was given, and its two halves print as that text', () => {
    fc.assert(
      fc.property(digests, (text) => {
        const digest = parseDigest(text);
        expect(digest).toBe(text);
        expect(`${algorithmOf(digest)}:${hexOf(digest)}`).toBe(text);
      }),
    );
  });

  it.each([
    ['', /not algorithm:hex/],
    ['latest', /not algorithm:hex/],
    [HEX, /not algorithm:hex/],
    [':', /not algorithm:hex/],
    [`:${HEX}`, /not algorithm:hex/],
    ['sha256:', /not algorithm:hex/],
    ['sha256', /not algorithm:hex/],
    [`sha256::${HEX}`, /not algorithm:hex/],
    [`SHA256:${HEX}`, /not algorithm:hex/],
    [`${EMPTY}\n`, /not algorithm:hex/],
    [` ${EMPTY}`, /not algorithm:hex/],
    [`sha256:../../${HEX}`, /not algorithm:hex/],
    [`sha256:${HEX.toUpperCase()}`, /64 lower-case hex/],
    [`sha256:${HEX.slice(1)}`, /64 lower-case hex/],
    [`${EMPTY}0`, /64 lower-case hex/],
    [`sha512:${HEX}`, /128 lower-case hex/],
    [`sha256:${HEX.slice(1)}g`, /64 lower-case hex/],
    [`md5:${HEX.slice(32)}`, /not one of sha256, sha512/],
    [`blake3:${HEX}`, /not one of sha256, sha512/],
    [`sha256+b64:${HEX}`, /not one of sha256, sha512/],
    [`constructor:${HEX}`, /not one of sha256, sha512/],
    [`__proto__:${HEX}`, /not algorithm:hex/],
    [`sha256:${HEX.slice(1)}\u0660`, /not algorithm:hex/],
  ])('refuses %j and says why', (text, reason) => {
    expect(outcome(() => parseDigest(text))).toBe('DIGEST_INVALID');
    expect(messageOf(() => parseDigest(text))).toMatch(reason);
  });

  it('refuses long text by its length: the grammar alone would run out of stack', () => {
    for (const text of [
      ...hostileTexts(100_000),
      'a+'.repeat(8_000_000),
      `sha256:${'0'.repeat(16_000_000)}`,
    ]) {
      expect(outcome(() => parseDigest(text))).toBe('DIGEST_INVALID');
      expect(messageOf(() => parseDigest(text)).length).toBeLessThan(2_000);
    }
  });
});

describe('isDigestAlgorithm', () => {
  it('knows the listed algorithms and no inherited property', () => {
    expect(DIGEST_ALGORITHMS.filter(isDigestAlgorithm)).toEqual(['sha256', 'sha512']);
    expect(['', 'SHA256', 'toString', '__proto__', 'constructor'].filter(isDigestAlgorithm)).toEqual([]);
  });
});

describe('digestOf', () => {
  it('gives the published test vectors (FIPS 180-4)', () => {
    expect(digestOf('')).toBe(EMPTY);
    expect(digestOf('abc')).toBe(ABC);
    expect(digestOf(Buffer.from('abc'))).toBe(ABC);
    expect(digestOf('abc', 'sha512')).toBe(ABC512);
  });

  it('hashes only the bytes of a view, not the buffer behind it', () => {
    expect(digestOf(new Uint8Array(Buffer.from('xabcx').buffer.slice(0)).subarray(0, 0))).toBe(EMPTY);
    expect(digestOf(new TextEncoder().encode('xabcx').subarray(1, 4))).toBe(ABC);
  });
});

describe('Digester', () => {
  it('gives the digest and size of everything so far, after every chunk', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.constantFrom(...DIGEST_ALGORITHMS), (chunks, algorithm) => {
        const digester = new Digester(algorithm);
        for (const [index, chunk] of chunks.entries()) {
          const soFar = Buffer.concat(chunks.slice(0, index + 1));
          expect(digester.update(chunk)).toBe(digester);
          expect(digester.digest()).toBe(digestOf(soFar, algorithm));
          expect(digester.size).toBe(soFar.byteLength);
        }
        expect(digester.digest()).toBe(digestOf(Buffer.concat(chunks), algorithm));
      }),
    );
  });

  it('starts as sha256 of nothing', () => {
    const digester = new Digester();
    expect([digester.algorithm, digester.digest(), digester.size]).toEqual(['sha256', EMPTY, 0]);
  });
});
