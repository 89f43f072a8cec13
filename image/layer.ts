import { createReadStream } from 'node:fs';
import {
  Digester,
  MEDIA_TYPES,
  streamOf,
  type ByteRange,
  type ByteStream,
  type CallOptions,
  type Layer,
} from '../oci/index.js';
import { abortable } from './abortable.js';
import { ByteReader } from './byte-reader.js';
import { MAGIC_LENGTH, detectCompression, type Compression } from './compression.js';
import { packTar, type Packing } from './packing.js';
import { layerOf } from './views/layer.js';

/** Content that can be read again and again: each call gives a fresh stream of the same bytes. */
export type Opener = (options?: CallOptions) => ByteStream;

/** Options of `createLayer`. */
export interface LayerOptions extends CallOptions {
  /** Whose media types: `oci` by default. Docker has none for zstd, which is OCI's then, as in crane. */
  readonly family?: 'docker' | 'oci';
  /** How a plain tar is packed: gzip by default. Content that is packed already is kept byte for byte. */
  readonly compression?: Packing;
}

/** What layers are called, by how they are packed. */
export const LAYER_TYPES = {
  oci: {
    gzip: MEDIA_TYPES.ociLayerGzip,
    estargz: MEDIA_TYPES.ociLayerGzip,
    zstd: MEDIA_TYPES.ociLayerZstd,
    none: MEDIA_TYPES.ociLayer,
  },
  docker: {
    gzip: MEDIA_TYPES.dockerLayer,
    estargz: MEDIA_TYPES.dockerLayer,
    zstd: MEDIA_TYPES.ociLayerZstd,
    none: MEDIA_TYPES.dockerLayerPlain,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Compression | Packing, string>>>>;

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
  const outer = new Digester();
  if (found !== 'none') {
    for await (const chunk of content(call)) outer.update(chunk);
    const descriptor = { mediaType: LAYER_TYPES[family][found], digest: outer.digest(), size: outer.size };
    return layerOf({
      descriptor,
      open: async (options = {}) => ranged(content(options), options.range),
    });
  }
  const packed = packTar(content(call), compression);
  for await (const chunk of packed.stream) {
    signal?.throwIfAborted();
    outer.update(chunk);
  }
  const { diffId, annotations } = packed.facts();
  const descriptor = {
    mediaType: LAYER_TYPES[family][compression],
    digest: outer.digest(),
    size: outer.size,
    ...(annotations && { annotations }),
  };
  const open: Layer['open'] = async (options = {}) =>
    ranged(packTar(content(options), compression).stream, options.range);
  const layer = layerOf({ descriptor, open }, { diffId });
  // What only would be unpacked again is read as it is.
  return compression === 'estargz'
    ? layer
    : { ...layer, uncompressed: async (options = {}) => content(options) };
}

/** A layer from bytes in memory. */
export function layerFromBytes(bytes: Uint8Array, options?: LayerOptions): Promise<Layer> {
  return createLayer(() => streamOf(bytes), options);
}

/** A layer from a file, which must stay as it is while the layer is in use. */
export function layerFromFile(path: string, options?: LayerOptions): Promise<Layer> {
  return createLayer(
    // Node's own streams end with an error of theirs, and not with the reason of the signal.
    (call = {}) => abortable(createReadStream(path, { highWaterMark: 1 << 20 }), call),
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
