import type { ByteStream } from '../../oci/index.js';
import { ByteReader } from '../byte-reader.js';
import { nativeZstd, portableZstd, type ZstdCodec } from './codec.js';
import { nextFrame, piecesOf } from './frames.js';

/** zstd's own default. */
const LEVEL = 3;

/** The codec in use: Node's own where it has one. */
export const zstdCodec = (): ZstdCodec => nativeZstd() ?? portableZstd;

/**
 * Unpacks zstd of any number of frames; skippable ones are passed over. The frames are found here, because Node's own
 * decoder drops those that follow the first in a chunk.
 * @param what names the input in messages
 * @throws OciError `CONTENT_INVALID`, or `UNSUPPORTED` for a dictionary or a window above 128 MiB
 */
export async function* unzstd(
  source: ByteStream,
  what: string,
  codec: ZstdCodec = zstdCodec(),
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source);
  try {
    for (;;) {
      const frame = await nextFrame(reader, what);
      if (frame === undefined) return;
      yield* codec.unpack(piecesOf(frame, reader, what), what);
    }
  } finally {
    await reader.close();
  }
}

/** Packs a stream with zstd. The bytes depend on the zstd that Node carries: they are not the same everywhere. */
export function zstd(
  source: ByteStream,
  level: number = LEVEL,
  codec: ZstdCodec = zstdCodec(),
): AsyncGenerator<Uint8Array> {
  return codec.pack(source, level);
}
