import { createReadStream } from 'node:fs';
import {
  Digester,
  MEDIA_TYPES,
  streamOf,
  type ByteRange,
  type ByteStream,
  type CallOptions,
  type Digest,
  type Layer,
} from '../oci/index.js';
import { ByteReader } from './byte-reader.js';
import { MAGIC_LENGTH, compress, decompress, detectCompression, type Compression } from './compression.js';

/** Content that can be read again and again: each call gives a fresh stream of the same bytes. */
export type Opener = (options?: CallOptions) => ByteStream;

/** Options of `createLayer`. */
export interface LayerOptions extends CallOptions {
  /** Whose media types: `oci` by default. Docker has none for zstd, which is OCI's then, as in crane. */
  readonly family?: 'docker' | 'oci';
  /** How a plain tar is packed: gzip by default. Content that is packed already is kept byte for byte. */
  readonly compression?: Exclude<Compression, 'zstd'>;
}

const TYPES = {
  oci: { gzip: MEDIA_TYPES.ociLayerGzip, zstd: MEDIA_TYPES.ociLayerZstd, none: MEDIA_TYPES.ociLayer },
  docker: {
    gzip: MEDIA_TYPES.dockerLayer,
    zstd: MEDIA_TYPES.ociLayerZstd,
    none: MEDIA_TYPES.dockerLayerPlain,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Compression, string>>>>;

/**
 * A layer from a tar that may be packed, which is told by its first bytes. The content is read once here, for digest
 * and size; a plain tar is packed anew each time the layer is opened, to the same bytes.
 */
export async function createLayer(
  content: Opener,
  { family = 'oci', compression = 'gzip', signal }: LayerOptions = {},
): Promise<Layer> {
  const call = signal === undefined ? {} : { signal };
  const found = await compressionOf(content(call));
  const packing = found === 'none' ? compression : 'none';
  const stored: Opener = (options) => compress(content(options), packing);
  const inner = new Digester();
  const outer = new Digester();
  for await (const chunk of compress(digested(content(call), inner), packing)) {
    signal?.throwIfAborted();
    outer.update(chunk);
  }
  let diffId = found === 'none' ? Promise.resolve(inner.digest()) : undefined;
  const uncompressed = (options: CallOptions = {}): ByteStream => decompress(content(options), options);
  return {
    descriptor: {
      mediaType: TYPES[family][found === 'none' ? compression : found],
      digest: outer.digest(),
      size: outer.size,
    },
    open: async (options = {}) => ranged(stored(options), options.range),
    uncompressed: async (options) => uncompressed(options),
    diffId: (options) => {
      diffId ??= digestOfStream(uncompressed(options));
      const current = diffId;
      // A failure, an abort say, is not remembered.
      current.catch(() => {
        if (diffId === current) diffId = undefined;
      });
      return current;
    },
  };
}

/** A layer from bytes in memory. */
export function layerFromBytes(bytes: Uint8Array, options?: LayerOptions): Promise<Layer> {
  return createLayer(() => streamOf(bytes), options);
}

/** A layer from a file, which must stay as it is while the layer is in use. */
export function layerFromFile(path: string, options?: LayerOptions): Promise<Layer> {
  return createLayer(
    ({ signal } = {}) => createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) }),
    options,
  );
}

async function compressionOf(stream: ByteStream): Promise<Compression> {
  const reader = new ByteReader(stream);
  try {
    return detectCompression(await reader.take(MAGIC_LENGTH));
  } finally {
    await reader.close();
  }
}

async function* digested(stream: ByteStream, digester: Digester): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    digester.update(chunk);
    yield chunk;
  }
}

async function digestOfStream(stream: ByteStream): Promise<Digest> {
  const digester = new Digester();
  for await (const chunk of stream) digester.update(chunk);
  return digester.digest();
}

/** The bytes of an inclusive range. */
async function* ranged(stream: ByteStream, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
  if (range === undefined) {
    yield* stream;
    return;
  }
  const reader = new ByteReader(stream);
  try {
    await reader.skip(range.start);
    let left = range.end - range.start + 1;
    while (left > 0) {
      const bytes = await reader.some(left);
      if (bytes === undefined) return;
      left -= bytes.length;
      yield bytes;
    }
  } finally {
    await reader.close();
  }
}
