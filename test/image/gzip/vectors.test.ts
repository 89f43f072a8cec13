import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { GzipEncoder } from '../../../image/gzip/index.js';
import { inputOf, readVectors, type Vector } from './recipes.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Encodes with writes of at most `step` bytes, flushing where the vector does. */
function encode(input: Uint8Array, { flushAt = [] }: Vector, step: number): Buffer {
  const encoder = new GzipEncoder();
  const out: Uint8Array[] = [];
  let at = 0;
  const pushTo = (stop: number): void => {
    for (; at < stop; at = Math.min(at + step, stop)) {
      out.push(...encoder.push(input.subarray(at, Math.min(at + step, stop))));
    }
  };
  for (const stop of flushAt) {
    pushTo(stop);
    out.push(...encoder.flush());
  }
  pushTo(input.length);
  return Buffer.concat([...out, ...encoder.end()]);
}

describe('GzipEncoder, against what Go wrote', () => {
  const vectors = readVectors();

  it('has all the vectors', () => {
    expect(vectors).toHaveLength(50);
  });

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    const input = inputOf(vector);
    expect(sha256(input)).toBe(vector.inputSha256);
    for (const step of [Infinity, 1 << 16, 4093, ...(input.length <= 70_000 ? [1] : [])]) {
      const output = encode(input, vector, step);
      if (vector.gzip !== undefined) expect(output.toString('base64')).toBe(vector.gzip);
      expect({ size: output.length, sha256: sha256(output) }).toEqual({
        size: vector.gzipLength,
        sha256: vector.gzipSha256,
      });
      expect(gunzipSync(output).equals(input)).toBe(true);
    }
  });
});
