import { availableParallelism } from 'node:os';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GzipEncoder, gzip } from '../../../image/gzip/index.js';
import { hasThread } from '../../../image/gzip/thread.js';
import { collect, isOciError, streamOf } from '../../../oci/index.js';
import { bytes, cut, cuts, noise } from '../arbitraries.js';

const LIMIT = 1 << 26;

async function compressed(chunks: readonly Uint8Array[]): Promise<Buffer> {
  return Buffer.from(await collect(gzip(streamOf(...chunks)), LIMIT, 'output'));
}

/** More than is packed without a thread. */
const large = (): Buffer =>
  Buffer.concat([noise(4_000_000, 1), Buffer.alloc(3_000_000, 'abc'), words(9_000_000), noise(2_000_000, 2)]);

function words(size: number): Buffer {
  const choices = noise(size, 4);
  let text = '';
  for (let at = 0; text.length < size; at++)
    text += `${'word'.repeat((choices[at] ?? 0) % 3)}-${choices[at]} `;
  return Buffer.from(text.slice(0, size));
}

function encoded(input: Uint8Array): Buffer {
  const encoder = new GzipEncoder();
  return Buffer.concat([...encoder.push(input), ...encoder.end()]);
}

describe('gzip', () => {
  it('unpacks to what went in, and how the input is cut has no effect', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(), cuts, async (input, sizes) => {
        const output = await compressed(cut(input, sizes));
        expect(gunzipSync(output).equals(input)).toBe(true);
        expect(output.equals(await compressed([input]))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('takes any iterable, and 23 bytes for nothing', async () => {
    const output = await collect(gzip([]), LIMIT, 'output');
    expect(Buffer.from(output).toString('hex')).toBe('1f8b08000000000004ff010000ffff0000000000000000');
    expect(await compressed([new Uint8Array(0), new Uint8Array(0)])).toEqual(Buffer.from(output));
  });

  it('keeps the output as it was handed over, and does not keep the input', async () => {
    const input = large();
    const shared = Buffer.alloc(10_000);
    async function* reused(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < input.length; at += shared.length) {
        yield shared.subarray(0, input.copy(shared, 0, at, at + shared.length));
      }
    }
    const chunks: Uint8Array[] = [];
    const copies: Buffer[] = [];
    for await (const chunk of gzip(reused())) {
      chunks.push(chunk);
      copies.push(Buffer.from(chunk));
    }
    expect(chunks.length).toBeGreaterThan(3);
    expect(Buffer.concat(chunks).equals(Buffer.concat(copies))).toBe(true);
    expect(gunzipSync(Buffer.concat(chunks)).equals(input)).toBe(true);
  });

  it('gives the same bytes with a thread as without one, however the input is cut', async () => {
    expect(hasThread()).toBe(availableParallelism() > 1);
    const input = large();
    const expected = encoded(input);
    for (const size of [1 << 20, 65_535, 100_003]) {
      const sizes = Array.from({ length: Math.ceil(input.length / size) }, () => size);
      expect((await compressed(cut(input, sizes))).equals(expected)).toBe(true);
    }
    for (const end of [8 << 20, (8 << 20) + 1, 128 * 65_535, 128 * 65_535 + 1]) {
      const part = input.subarray(0, end);
      expect((await compressed([part])).equals(encoded(part))).toBe(true);
    }
  });

  it('stops the source when the reader stops, and passes its error on', async () => {
    let stopped = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield noise(200_000, 3);
      } finally {
        stopped = true;
      }
    }
    for await (const chunk of gzip(source())) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(stopped).toBe(true);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield noise(10, 4);
      throw new Error('cable cut');
    }
    await expect(collect(gzip(broken()), LIMIT, 'output')).rejects.toThrow('cable cut');
  });
});

describe('GzipEncoder', () => {
  it('can be read up to every flush, wherever flushes fall', () => {
    fc.assert(
      fc.property(bytes(), cuts, (input, sizes) => {
        const encoder = new GzipEncoder();
        const out: Uint8Array[] = [];
        for (const chunk of cut(input, sizes)) out.push(...encoder.push(chunk), ...encoder.flush());
        out.push(...encoder.end());
        expect(gunzipSync(Buffer.concat(out)).equals(input)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('takes nothing more after its end', () => {
    const encoder = new GzipEncoder();
    encoder.end();
    for (const call of [() => encoder.push(new Uint8Array(1)), () => encoder.flush(), () => encoder.end()]) {
      expect(call).toThrow(expect.toSatisfy((error: unknown) => isOciError(error, 'INVALID_OPTION')));
    }
  });
});
