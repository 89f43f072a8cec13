import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOciError } from '../../oci/errors.js';
import { collect, streamOf, type ByteStream } from '../../oci/stream.js';

/** A stream that counts what was pulled from it, and whether it was closed before its end. */
function watched(chunks: readonly Uint8Array[]): {
  stream: ByteStream;
  seen: { pulled: number; closed: boolean };
} {
  const seen = { pulled: 0, closed: false };
  async function* pull(): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of chunks) {
        seen.pulled++;
        yield chunk;
      }
    } finally {
      seen.closed = true;
    }
  }
  return { stream: pull(), seen };
}

const sized = (sizes: readonly number[]): Uint8Array[] => sizes.map((size) => new Uint8Array(size));

describe('collect', () => {
  it('gives the bytes of a stream in order, however they were cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array()), async (chunks) => {
        const whole = Buffer.concat(chunks);
        const collected = await collect(streamOf(...chunks), whole.byteLength, 'it');
        expect(Buffer.compare(collected, whole)).toBe(0);
      }),
    );
  });

  it('refuses exactly what is larger than the limit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 9 })), fc.nat({ max: 40 }), async (sizes, limit) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const answer = await collect(streamOf(...sized(sizes)), limit, 'it').then(
          (bytes) => bytes.byteLength,
          (error: unknown) => isOciError(error, 'SIZE_LIMIT'),
        );
        expect(answer).toBe(total > limit || total);
      }),
    );
  });

  it('stops pulling and closes the stream at the chunk that is too much', async () => {
    const { stream, seen } = watched(sized([2, 2, 2, 2]));
    await expect(collect(stream, 3, 'the manifest')).rejects.toMatchObject({
      code: 'SIZE_LIMIT',
      message: 'the manifest is larger than 3 bytes',
      detail: { limit: 3 },
    });
    expect(seen).toEqual({ pulled: 2, closed: true });
  });

  it('passes on what the stream throws, as it is', async () => {
    const reason = new Error('connection lost');
    const stream: ByteStream = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(reason) }),
    };
    await expect(collect(stream, 10, 'it')).rejects.toBe(reason);
  });

  it('does not copy a stream of one chunk', async () => {
    const chunk = Uint8Array.of(1, 2, 3);
    expect(await collect(streamOf(chunk), 3, 'it')).toBe(chunk);
  });

  it('gives no bytes for an empty stream', async () => {
    expect((await collect(streamOf(), 0, 'it')).byteLength).toBe(0);
  });
});

describe('streamOf', () => {
  it('gives the chunks as they are, once', async () => {
    const chunks = sized([1, 0, 3]);
    const stream = streamOf(...chunks);
    const seen: Uint8Array[] = [];
    for await (const chunk of stream) seen.push(chunk);
    expect(seen.every((chunk, index) => chunk === chunks[index])).toBe(true);
    expect(seen).toHaveLength(3);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});
