import type { ByteStream } from '../../oci/index.js';
import { GzipEncoder } from './encoder.js';
import { GzipThread, hasThread } from './thread.js';

export { GzipEncoder } from './encoder.js';

/** Larger chunks are taken in piece by piece, so that little output waits and others get their turn. */
const PIECE = 1 << 20;
/** Bytes from which on a thread of its own is worth its start. */
const THREAD_FROM = 8 * PIECE;

/**
 * Compresses a stream with gzip, byte for byte as Go's `compress/gzip` does at level 1: the same input gives the same
 * bytes on every machine, and the digest that imgpkg and crane would give it. Large streams are packed in a thread, while
 * the next bytes are read.
 * @param source its chunks are copied
 */
export async function* gzip(source: ByteStream | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let size = 0;
  let thread: GzipThread | undefined;
  const mayThread = hasThread();
  const encoder = mayThread ? undefined : new GzipEncoder();
  try {
    for await (const chunk of source) {
      if (encoder !== undefined) yield* packed(encoder, chunk);
      else if (thread !== undefined) {
        await thread.push(chunk);
        yield* thread.take();
      } else {
        size += chunk.length;
        waiting.push(new Uint8Array(chunk));
        if (size < THREAD_FROM) continue;
        thread = new GzipThread();
        for (const first of waiting.splice(0)) await thread.push(first);
      }
    }
    if (thread !== undefined) {
      yield* await thread.end();
      return;
    }
    const last = encoder ?? new GzipEncoder();
    for (const chunk of waiting) yield* packed(last, chunk);
    yield* last.end();
  } finally {
    await thread?.close();
  }
}

function* packed(encoder: GzipEncoder, chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += PIECE) yield* encoder.push(chunk.subarray(at, at + PIECE));
}
