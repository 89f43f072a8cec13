import {
  hexOf,
  isNonDistributable,
  type Blob,
  type CallOptions,
  type Descriptor,
  type Digest,
  type ImageManifest,
} from '../../oci/index.js';
import { incoming } from '../layout/incoming.js';
import type { PutBlobOptions } from '../media.js';
import type { ArchiveWriter } from './archive-writer.js';
import { encodeGoJson, sortedEntries, type DockerEntry } from './docker-names.js';
import { diffIdsOf } from './docker-source.js';

/** An image that stands in the archive. */
export interface DockerArchiveImage {
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  /** Its `RepoTags`. */
  readonly tags: readonly string[];
}

/** How configs and layers lie in an archive, and what comes at its end. */
export interface DockerFormat {
  /** Takes a config, which is an image's. */
  config(digest: Digest, bytes: Uint8Array, options: CallOptions): Promise<void>;
  layer(blob: Blob, options: PutBlobOptions): Promise<void>;
  /** Takes the images, once all their content is there. */
  finish(images: readonly DockerArchiveImage[], options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}

/** crane's format. */
export class PlainFormat implements DockerFormat {
  readonly #writer: ArchiveWriter;
  readonly #names = new Map<Digest, string>();
  /** What configs say of their layers. */
  readonly #diffIds = new Map<Digest, readonly string[]>();

  constructor(writer: ArchiveWriter) {
    this.#writer = writer;
  }

  async config(digest: Digest, bytes: Uint8Array, options: CallOptions): Promise<void> {
    this.#diffIds.set(digest, diffIdsOf(bytes, `config ${digest}`));
    await this.#writer.bytes(digest, bytes, options);
  }

  async layer(blob: Blob, options: PutBlobOptions): Promise<void> {
    const name = layerName(blob.descriptor);
    const body = (): AsyncIterable<Uint8Array> => incoming(blob, this.#writer.name, options);
    const { signal } = options;
    await this.#writer.file(name, blob.descriptor.size, body, signal === undefined ? {} : { signal });
    this.#names.set(blob.descriptor.digest, name);
  }

  async finish(images: readonly DockerArchiveImage[], options?: CallOptions): Promise<void> {
    const entries = images.map(({ manifest, tags }) => {
      const names = manifest.layers.map((layer) => this.#names.get(layer.digest) ?? layerName(layer));
      const diffIds = this.#diffIds.get(manifest.config.digest) ?? [];
      return dockerEntry({ config: manifest.config.digest, tags, names, layers: manifest.layers, diffIds });
    });
    await this.#writer.bytes('manifest.json', encodeGoJson(sortedEntries(entries)), options);
  }

  async close(): Promise<void> {
    // Nothing is kept.
  }
}

/** An entry of `manifest.json`. */
export function dockerEntry(image: {
  readonly config: string;
  readonly tags: readonly string[];
  /** Names of the layers in the archive. */
  readonly names: readonly string[];
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly string[];
}): DockerEntry {
  const sources: Record<string, unknown> = {};
  for (const [at, { mediaType, size, digest, urls, annotations }] of image.layers.entries()) {
    const diffId = image.diffIds[at];
    if (diffId === undefined || !isNonDistributable(mediaType)) continue;
    sources[diffId] = { mediaType, size, digest, ...(urls && { urls }), ...(annotations && { annotations }) };
  }
  return {
    Config: image.config,
    RepoTags: image.tags.length > 0 ? image.tags : null,
    Layers: image.names,
    ...(Object.keys(sources).length > 0 && { LayerSources: sources }),
  };
}

function layerName({ digest, mediaType }: Descriptor): string {
  const ending = mediaType.endsWith('+zstd') ? '.tar.zst' : mediaType.endsWith('.tar') ? '.tar' : '.tar.gz';
  return `${hexOf(digest)}${ending}`;
}
