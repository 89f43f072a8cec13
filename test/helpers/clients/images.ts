import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { MEDIA_TYPES, digestOf, encodeJson, type Descriptor, type Platform } from '../../../oci/index.js';
import type { Layout } from './layout.js';

export const AMD64: Platform = { os: 'linux', architecture: 'amd64' };
export const ARM64: Platform = { os: 'linux', architecture: 'arm64' };

/** `size` bytes that no compression makes smaller, the same for the same seed. */
export function noise(seed: string, size: number): Uint8Array {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(Buffer.alloc(size));
}

/** A tar of files. */
export async function tar(files: Readonly<Record<string, string | Uint8Array>>): Promise<Uint8Array> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) {
    archive.entry({ name, mtime: new Date(0), mode: 0o644 }, Buffer.from(content));
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What an image is made of. */
export interface ImageOptions {
  /** Images of equal seeds are equal. */
  readonly seed: string;
  readonly tag?: string;
  readonly platform?: Platform;
  /** Size of the one file in each layer. Default: three small ones. */
  readonly layers?: readonly number[];
  /** How layers are kept; `stored` is gzip that takes no time. Default `gzip`. */
  readonly compression?: 'gzip' | 'stored' | 'none';
}

/** Puts an image into a layout. Its layers are tars that clients can unpack. */
export async function makeImage(layout: Layout, options: ImageOptions): Promise<Descriptor> {
  const { seed, tag, platform = AMD64, layers = [10, 2000, 40_000], compression = 'gzip' } = options;
  const descriptors: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const [index, size] of layers.entries()) {
    const plain = await tar({ [`data/${seed}-${index}`]: noise(`${seed}/${index}`, size) });
    diffIds.push(digestOf(plain));
    const level = compression === 'stored' ? 0 : 6;
    descriptors.push(
      compression === 'none'
        ? await layout.blob(MEDIA_TYPES.ociLayer, plain)
        : await layout.blob(MEDIA_TYPES.ociLayerGzip, gzipSync(plain, { level })),
    );
  }
  const config = {
    created: '1970-01-01T00:00:00Z',
    ...platform,
    config: { Labels: { seed } },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: layers.map((_, index) => ({ created: '1970-01-01T00:00:00Z', created_by: `layer ${index}` })),
  };
  return await layout.manifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: await layout.blob(MEDIA_TYPES.ociConfig, encodeJson(config)),
      layers: descriptors,
    } as { mediaType: string },
    tag,
  );
}

/** An index of an image for amd64 and one for arm64. */
export async function makeMultiArch(layout: Layout, tag: string): Promise<Descriptor> {
  const images = await Promise.all(
    [AMD64, ARM64].map(async (platform) => ({
      platform,
      image: await makeImage(layout, { seed: `${tag}-${platform.architecture}`, platform }),
    })),
  );
  return await layout.index(images, tag);
}

/** Something that is no image, attached to an image (image-spec, "Guidelines for Artifact Usage"). */
export async function makeArtifact(layout: Layout, subject: Descriptor, tag?: string): Promise<Descriptor> {
  const report = await layout.blob('application/vnd.example.report+json', encodeJson({ found: [] }));
  return await layout.manifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      artifactType: 'application/vnd.example.report',
      config: await layout.blob(MEDIA_TYPES.ociEmpty, encodeJson({})),
      layers: [report],
      subject,
    } as { mediaType: string },
    tag,
  );
}
