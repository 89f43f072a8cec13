import { createHash } from 'node:crypto';
import {
  MEDIA_TYPES,
  digestOf,
  encodeJson,
  streamOf,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import type { Store } from '../../registry/index.js';

/** Bytes that differ for each seed and are the same on every machine. */
export function bytesOf(seed: string, size: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, index) =>
    createHash('sha256').update(`${seed}:${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
}

/** Stores a blob. */
export async function putBlob(store: Store, repo: string, bytes: Uint8Array): Promise<Digest> {
  const digest = digestOf(bytes);
  await store.uploads.put(repo, digest, streamOf(bytes));
  return digest;
}

export interface StoredImage {
  readonly digest: Digest;
  readonly config: Digest;
  readonly layers: readonly Digest[];
  readonly bytes: Uint8Array;
}

/** Stores an image of layers made from a seed, under tags. */
export async function putImage(
  store: Store,
  repo: string,
  options: { seed: string; layers?: readonly number[]; tags?: readonly string[]; subject?: Descriptor },
): Promise<StoredImage> {
  const layers: Descriptor[] = [];
  for (const [index, size] of (options.layers ?? [1000]).entries()) {
    const bytes = bytesOf(`${options.seed}/${index}`, size);
    layers.push({ mediaType: MEDIA_TYPES.ociLayer, digest: await putBlob(store, repo, bytes), size });
  }
  const config = encodeJson({ architecture: 'amd64', os: 'linux', seed: options.seed });
  const configDigest = await putBlob(store, repo, config);
  const bytes = encodeJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: configDigest, size: config.byteLength },
    layers,
    ...(options.subject === undefined ? {} : { subject: options.subject }),
  });
  const { digest } = await store.manifests.put(repo, { bytes, tags: options.tags ?? [] });
  return { digest, config: configDigest, layers: layers.map((layer) => layer.digest), bytes };
}
