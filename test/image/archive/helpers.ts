import { Writable } from 'node:stream';
import { createDockerArchive, createLayoutArchive } from '../../../image/archive/index.js';
import type { Sink } from '../../../image/media.js';

/** A stream that keeps what is written to it, and takes its time. */
function keeper(): { readonly stream: Writable; readonly bytes: () => Buffer } {
  const chunks: Uint8Array[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write: (chunk: Uint8Array, _, done) => {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}

/** The bytes of a layout archive. */
export async function archived(
  options: Parameters<typeof createLayoutArchive>[1],
  fill: (sink: Sink) => Promise<unknown>,
): Promise<Buffer> {
  const { stream, bytes } = keeper();
  const sink = await createLayoutArchive(stream, options);
  await fill(sink);
  await sink.finish?.();
  return bytes();
}

/** The bytes of a docker archive. */
export async function dockerArchived(
  options: Parameters<typeof createDockerArchive>[1],
  fill: (sink: Sink) => Promise<unknown>,
): Promise<Buffer> {
  const { stream, bytes } = keeper();
  const sink = await createDockerArchive(stream, options);
  await fill(sink);
  await sink.finish?.();
  return bytes();
}
