import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GzipEncoder, gzip } from '../../../image/gzip/index.js';
import { collect, isOciError, streamOf } from '../../../oci/index.js';
import { bytes, cut, cuts, noise } from '../arbitraries.js';

const LIMIT = 1 << 26;

async function compressed(chunks: readonly Uint8Array[]): Promise<Buffer> {
  return Buffer.from(await collect(gzip(streamOf(...chunks)), LIMIT, 'output'));
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
    const input = Buffer.concat([noise(400_000, 1), Buffer.alloc(400_000, 'abc'), noise(400_000, 2)]);
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
