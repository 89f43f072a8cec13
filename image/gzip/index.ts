import type { ByteStream } from '../../oci/index.js';
import { GzipEncoder } from './encoder.js';

export { GzipEncoder } from './encoder.js';

/** Larger chunks are taken in piece by piece, so that little output waits and others get their turn. */
const PIECE = 1 << 20;

/**
 * Compresses a stream with gzip, byte for byte as Go's `compress/gzip` does at level 1: the same input gives the same
 * bytes on every machine, and the digest that imgpkg and crane would give it.
 * @param source its chunks are copied
 */
export async function* gzip(source: ByteStream | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new GzipEncoder();
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += PIECE) yield* encoder.push(chunk.subarray(at, at + PIECE));
  }
  yield* encoder.end();
}
