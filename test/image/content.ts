import { gzipSync } from 'node:zlib';
import { compress } from '../../image/compression.js';
import { writeTar } from '../../image/tar/index.js';
import type { Sink } from '../../image/media.js';
import {
  MEDIA_TYPES,
  collect,
  describe,
  digestOf,
  encodeJson,
  streamOf,
  type Blob,
  type Descriptor,
  type Platform,
} from '../../oci/index.js';

/** A blob of bytes in memory. */
export function blobFrom(mediaType: string, bytes: Uint8Array): Blob {
  return { descriptor: describe(mediaType, bytes), open: async () => streamOf(bytes) };
}

/** The bytes of a tar with one file. */
export async function layerTar(seed: string, size = 20): Promise<Uint8Array> {
  const body = Buffer.alloc(size, seed);
  return await collect(
    writeTar([{ name: `data/${seed}`, type: 'file', mode: 0o644, size, body: [body] }]),
    1 << 30,
    'tar',
  );
}

/** What an image is made of. */
export interface ImageRecipe {
  readonly seed: string;
  readonly tags?: readonly string[];
  readonly top?: boolean;
  readonly platform?: Platform;
  readonly subject?: Descriptor;
  /** How each layer is kept. Default one gzip. */
  readonly layers?: readonly ('gzip' | 'none' | 'zstd')[];
  readonly family?: 'docker' | 'oci';
}

const TYPES = {
  oci: {
    manifest: MEDIA_TYPES.ociManifest,
    config: MEDIA_TYPES.ociConfig,
    gzip: MEDIA_TYPES.ociLayerGzip,
    none: MEDIA_TYPES.ociLayer,
    zstd: MEDIA_TYPES.ociLayerZstd,
  },
  docker: {
    manifest: MEDIA_TYPES.dockerManifest,
    config: MEDIA_TYPES.dockerConfig,
    gzip: MEDIA_TYPES.dockerLayer,
    none: MEDIA_TYPES.dockerLayerPlain,
    zstd: MEDIA_TYPES.ociLayerZstd,
  },
} as const;

/** Puts an image whose layers can be unpacked. The same recipe gives the same bytes. */
export async function putImage(sink: Sink, recipe: ImageRecipe): Promise<Descriptor> {
  const { seed, tags, top, subject, layers = ['gzip'], family = 'oci' } = recipe;
  const { os, architecture } = recipe.platform ?? { os: 'linux', architecture: 'amd64' };
  const types = TYPES[family];
  const plain = await Promise.all(layers.map((_, at) => layerTar(`${seed}-${at}`)));
  const packed = await Promise.all(
    plain.map(async (bytes, at) => {
      const how = layers[at] ?? 'gzip';
      const stored =
        how === 'gzip' ? gzipSync(bytes) : await collect(compress(streamOf(bytes), how), 1 << 30, 'layer');
      return blobFrom(types[how], stored);
    }),
  );
  const config = blobFrom(
    types.config,
    encodeJson({
      architecture,
      os,
      created: '1970-01-01T00:00:00Z',
      config: { Labels: { seed } },
      rootfs: { type: 'layers', diff_ids: plain.map((bytes) => digestOf(bytes)) },
      history: plain.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'test' })),
    }),
  );
  for (const blob of [config, ...packed]) await sink.putBlob(blob);
  return await putDocument(
    sink,
    {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: config.descriptor,
      layers: packed.map(({ descriptor }) => descriptor),
      ...(subject && { subject }),
    },
    { ...(tags && { tags }), ...(top !== undefined && { top }) },
  );
}

/** Puts an index of manifests. */
export async function putIndex(
  sink: Sink,
  manifests: readonly Descriptor[],
  options: { readonly tags?: readonly string[]; readonly top?: boolean } = {},
): Promise<Descriptor> {
  return await putDocument(sink, { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }, options);
}

/** Puts something that is no image, about a subject or not. */
export async function putArtifact(
  sink: Sink,
  options: {
    readonly subject?: Descriptor;
    readonly tags?: readonly string[];
    readonly top?: boolean;
    readonly seed?: string;
  },
): Promise<Descriptor> {
  const { subject, seed = 'report', ...put } = options;
  const config = blobFrom(MEDIA_TYPES.ociEmpty, encodeJson({}));
  const report = blobFrom('application/vnd.example.report+json', encodeJson({ seed }));
  for (const blob of [config, report]) await sink.putBlob(blob);
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: 'application/vnd.example.report',
    config: config.descriptor,
    layers: [report.descriptor],
    ...(subject && { subject }),
    annotations: { seed },
  };
  return await putDocument(sink, document, put);
}

async function putDocument(
  sink: Sink,
  document: { readonly mediaType: string; readonly [key: string]: unknown },
  options: { readonly tags?: readonly string[]; readonly top?: boolean },
): Promise<Descriptor> {
  const bytes = encodeJson(document);
  const descriptor = describe(document.mediaType, bytes);
  await sink.putManifest(descriptor, bytes, options);
  return descriptor;
}

/** Everything of an async iterable. */
export async function all<T>(items: AsyncIterable<T> | undefined): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items ?? []) list.push(item);
  return list;
}

/** The code and message of the error that work ends with. */
export async function failure(
  work: Promise<unknown>,
): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await work;
  } catch (error) {
    const { code = 'none', message } = error as { code?: string; message: string };
    return { code, message };
  }
  throw new Error('expected a failure');
}
