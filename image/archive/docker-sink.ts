import {
  MANIFEST_LIMIT,
  MEDIA_TYPES,
  OciError,
  collect,
  isDigest,
  isNonDistributable,
  type Blob,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { checkManifest, incoming } from '../layout/incoming.js';
import type { PutBlobOptions, PutManifestOptions, Sink } from '../media.js';
import { ArchiveWriter, type HeaderOptions } from './archive-writer.js';
import { PlainFormat, type DockerArchiveImage, type DockerFormat } from './docker-format.js';
import { repoTags, type DockerNameOptions } from './docker-names.js';
import { LegacyFormat } from './legacy-format.js';
import { openOutput, type ArchiveTarget } from './output.js';

/** Options of `createDockerArchive`. */
export interface DockerArchiveOptions extends HeaderOptions, DockerNameOptions {
  /**
   * `docker`, the default, has each config and layer once, as they are stored; `legacy` has a folder a layer, unpacked, for
   * the oldest readers. Its layers are kept in a temporary file until their image comes.
   */
  readonly format?: 'docker' | 'legacy';
}

/** Configs of images that run; Docker loads no others. */
const CONFIGS = new Set<string>([MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig]);

/**
 * Writes a docker archive, byte for byte as crane does when the config of an image comes before its layers: the config as
 * `sha256:<hex>`, each layer once as `<hex>.tar.gz` (`.tar.zst`, `.tar`), `manifest.json` last. Names are kept as they are
 * spelled. A file gets its name in `finish`, in place of what had it.
 * @throws OciError `INVALID_OPTION`, `STORE_FULL`; for a manifest that Docker cannot hold `UNSUPPORTED`
 */
export async function createDockerArchive(
  target: ArchiveTarget,
  options: DockerArchiveOptions = {},
): Promise<Sink> {
  const output = await openOutput(target);
  try {
    const writer = new ArchiveWriter(output, options);
    const format = options.format === 'legacy' ? await LegacyFormat.open(writer) : new PlainFormat(writer);
    return new DockerArchiveSink(writer, format, options);
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

class DockerArchiveSink implements Sink {
  readonly parallel = 1;
  readonly #writer: ArchiveWriter;
  readonly #format: DockerFormat;
  readonly #options: DockerArchiveOptions;
  readonly #blobs = new Set<Digest>();
  readonly #manifests = new Map<Digest, Descriptor>();
  #images: readonly DockerArchiveImage[] = [];

  constructor(writer: ArchiveWriter, format: DockerFormat, options: DockerArchiveOptions) {
    this.#writer = writer;
    this.#format = format;
    this.#options = options;
  }

  get name(): string {
    return `docker-archive:${this.#writer.name}`;
  }

  /** By the very name that was put. */
  async resolve(reference: string): Promise<Descriptor | undefined> {
    const [name] = isDigest(reference) ? [] : repoTags([reference], this.#options);
    const found = this.#images.find(
      ({ descriptor, tags }) =>
        descriptor.digest === reference || (name !== undefined && tags.includes(name)),
    );
    return found?.descriptor;
  }

  async hasManifest({ digest }: Descriptor): Promise<boolean> {
    return this.#manifests.has(digest);
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.#blobs.has(digest);
  }

  async putBlob(blob: Blob, options: PutBlobOptions = {}): Promise<'present' | 'sent'> {
    const { digest, mediaType } = blob.descriptor;
    if (this.#blobs.has(digest)) return 'present';
    if (CONFIGS.has(mediaType)) {
      const bytes = await collect(incoming(blob, this.name, options), MANIFEST_LIMIT, `config ${digest}`);
      await this.#format.config(digest, bytes, signalOf(options));
    } else await this.#format.layer(blob, options);
    this.#blobs.add(digest);
    return 'sent';
  }

  async putManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    { tags = [], top = false }: PutManifestOptions = {},
  ): Promise<void> {
    const manifest = checkManifest(descriptor, bytes, this.name);
    const what = `${this.name} cannot hold ${descriptor.digest}`;
    if (manifest.kind === 'index') {
      throw new OciError(
        'UNSUPPORTED',
        `${what}, an index: a docker archive has images of one platform; choose it with --platform, or write an OCI layout`,
      );
    }
    if (!CONFIGS.has(manifest.config.mediaType)) {
      throw new OciError(
        'UNSUPPORTED',
        `${what}, an artifact with a config of type ${manifest.config.mediaType}: a docker archive has images only; write an OCI layout`,
      );
    }
    const missing = [manifest.config, ...manifest.layers].find(
      ({ digest, mediaType }) => !this.#blobs.has(digest) && !isNonDistributable(mediaType),
    );
    if (missing !== undefined) {
      throw new OciError(
        'MANIFEST_BLOB_UNKNOWN',
        `${what}: its blob ${missing.digest} was not put before it`,
      );
    }
    this.#manifests.set(descriptor.digest, descriptor);
    if (top || tags.length > 0) this.#add({ descriptor, manifest, tags: repoTags(tags, this.#options) });
  }

  async finish(options?: CallOptions): Promise<void> {
    await this.#format.finish(this.#images, options);
    await this.#writer.finish(options);
    await this.#format.close();
  }

  async abandon(): Promise<void> {
    await this.#writer.abandon();
    await this.#format.close();
  }

  /** A name stands for what got it last; an image stands there once. */
  #add(image: DockerArchiveImage): void {
    const { digest } = image.descriptor;
    const old = this.#images.find(({ descriptor }) => descriptor.digest === digest)?.tags ?? [];
    const tags = [...new Set([...old, ...image.tags])].toSorted();
    const others = this.#images
      .filter(({ descriptor }) => descriptor.digest !== digest)
      .map((other) => ({ ...other, tags: other.tags.filter((tag) => !tags.includes(tag)) }));
    this.#images = [...others, { ...image, tags }];
  }
}

const signalOf = ({ signal }: CallOptions): CallOptions => (signal === undefined ? {} : { signal });
