import { OciError, type ByteStream } from '../oci/index.js';
import { abortable } from './abortable.js';
import { ByteReader } from './byte-reader.js';
import { gunzip } from './gunzip.js';
import { gzip } from './gzip/index.js';
import { unzstd, zstd } from './zstd/index.js';

/** How bytes are packed; `none` is anything that begins as neither of the others does, nothing included. */
export type Compression = 'gzip' | 'none' | 'zstd';

/** How many first bytes `detectCompression` looks at. */
export const MAGIC_LENGTH = 4;

const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];

/** Tells by magic bytes, never by media type, how content is packed. */
export function detectCompression(first: Uint8Array): Compression {
  const begins = (magic: readonly number[]): boolean => magic.every((byte, index) => first[index] === byte);
  return begins(GZIP) ? 'gzip' : begins(ZSTD) || isSkippable(first) ? 'zstd' : 'none';
}

/** zstd's skippable frames: zstd tools may put one first. */
function isSkippable(first: Uint8Array): boolean {
  const [low = 0, ...rest] = first.subarray(0, 4);
  return (low & 0xf0) === 0x50 && [0x2a, 0x4d, 0x18].every((byte, index) => rest[index] === byte);
}

/** Options of `decompress`. */
export interface DecompressOptions {
  /** The most bytes that may come out; one more is an error. Without it there is no limit. */
  readonly limit?: number;
  /** Names the input in messages: `layer sha256:…`. */
  readonly what?: string;
  readonly signal?: AbortSignal;
}

/**
 * Unpacks a stream of gzip or zstd, found by its first bytes; anything else passes as it is. Nothing is buffered but
 * a window. gzip may have several members and zstd several frames; what follows them is an error, as in Go.
 * @throws OciError `CONTENT_INVALID` for damaged or shortened input, `SIZE_LIMIT` beyond the limit, `UNSUPPORTED` for a
 * zstd dictionary or a zstd window above 128 MiB
 */
export async function* decompress(
  source: ByteStream,
  { limit = Infinity, what = 'compressed content', signal }: DecompressOptions = {},
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const reader = new ByteReader(abortable(source, signal === undefined ? {} : { signal }));
  try {
    const first = await reader.take(MAGIC_LENGTH);
    reader.unread(first);
    let size = 0;
    for await (const chunk of unpacked(detectCompression(first), reader.rest(), what)) {
      signal?.throwIfAborted();
      size += chunk.length;
      if (size > limit) {
        throw new OciError('SIZE_LIMIT', `${what} unpacks to more than ${limit} bytes`, {
          detail: { limit },
        });
      }
      yield chunk;
    }
  } finally {
    await reader.close();
  }
}

function unpacked(compression: Compression, source: ByteStream, what: string): ByteStream {
  return compression === 'gzip'
    ? gunzip(source, what)
    : compression === 'zstd'
      ? unzstd(source, what)
      : source;
}

/**
 * Packs a stream. gzip gives the bytes of Go's level 1, the same on every machine; zstd's depend on the zstd of Node.
 * @param options `level` is for zstd only: 1 to 22, 3 by default
 */
export function compress(
  source: ByteStream,
  compression: Compression,
  options: { readonly level?: number } = {},
): ByteStream {
  return compression === 'gzip'
    ? gzip(source)
    : compression === 'zstd'
      ? zstd(source, options.level)
      : source;
}
