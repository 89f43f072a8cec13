import { OciError } from './errors.js';

/** The currency inside: bytes in order, pulled by the reader. */
export type ByteStream = AsyncIterable<Uint8Array>;

/**
 * Reads a stream to its end into one array. Chunks are kept until then, and a single one is returned as it is: who
 * made them must not write to them again.
 * @param limit bytes; one more is refused
 * @throws OciError `SIZE_LIMIT`
 */
export async function collect(stream: ByteStream, limit: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > limit)
      throw new OciError('SIZE_LIMIT', `${what} is larger than ${limit} bytes`, { detail: { limit } });
    chunks.push(chunk);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
}

/** A stream of bytes that lie in memory. */
export async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
