import {
  Digester,
  MEDIA_TYPES,
  artifactTypeOf,
  platformMatches,
  type Blob,
  type CallOptions,
  type Descriptor,
  type Digest,
  type ImageManifest,
  type Manifest,
  type Platform,
} from '../../oci/index.js';
import {
  EMPTY_INDEX,
  LAYOUT_MARK,
  encodeIndexFile,
  entriesFor,
  entryOfName,
  withEntry,
  type EntryOptions,
} from '../layout/index-file.js';
import { checkManifest, incoming } from '../layout/incoming.js';
import type { PutBlobOptions, PutManifestOptions, Sink } from '../media.js';
import { ArchiveWriter, type HeaderOptions } from './archive-writer.js';
import { BASE_NAME, encodeBase } from './base.js';
import {
  encodeGoJson,
  repoTags,
  sortedEntries,
  type DockerEntry,
  type DockerNameOptions,
} from './docker-names.js';
import { blobPath } from './layout-archive.js';
import { openOutput, type ArchiveTarget } from './output.js';
import { SEAL_NAME, encodeSeal } from './seal.js';

/** Options of `createLayoutArchive`. */
export interface LayoutArchiveOptions extends HeaderOptions, EntryOptions, DockerNameOptions {
  /** Adds Docker's `manifest.json`, so that `docker load` and `podman load` read the images. Default false. */
  readonly dockerManifest?: boolean;
  /** Which image of an index Docker's manifest names. Default linux/amd64. */
  readonly platform?: Platform;
  /** Ends the archive in a seal, by which any change or cut is found. Default false. */
  readonly seal?: boolean;
}

/** A layout archive that is written. */
export interface LayoutArchive extends Sink {
  /**
   * Notes that something is left out because it is where the archive will be loaded: a manifest with all below it, or a
   * blob. An archive with such notes is a differential one.
   * @param of for messages: what the inventory is of that has it
   */
  relyOn(kind: 'blob' | 'manifest', descriptor: Descriptor, of: readonly string[]): void;
}

const LINUX: Platform = { os: 'linux', architecture: 'amd64' };
const CONFIGS = new Set<string>([MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig]);

/**
 * Writes an OCI layout into a tar in one pass: `oci-layout` first, then what is put, in its order, `index.json` last,
 * and behind it what the archive relies on and the seal. The same content put in the same order gives the same bytes. A file gets its name in `finish`, in
 * place of what had it; until then nobody sees it.
 * @throws OciError `INVALID_OPTION`, `STORE_FULL`
 */
export async function createLayoutArchive(
  target: ArchiveTarget,
  options: LayoutArchiveOptions = {},
): Promise<LayoutArchive> {
  const digester = new Digester();
  const output = await openOutput(target);
  const onBytes = (bytes: Uint8Array): unknown => digester.update(bytes);
  try {
    const writer = new ArchiveWriter(output, { ...options, onBytes });
    await writer.bytes('oci-layout', LAYOUT_MARK);
    return new LayoutArchiveSink(writer, digester, options);
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

class LayoutArchiveSink implements LayoutArchive {
  readonly parallel = 1;
  readonly #writer: ArchiveWriter;
  readonly #digester: Digester;
  readonly #options: LayoutArchiveOptions;
  readonly #written = new Set<Digest>();
  readonly #manifests = new Map<Digest, Manifest>();
  /** What stands at the top, and the names that Docker is to know it by, in their order. */
  readonly #named: { readonly digest: Digest; readonly tags: readonly string[] }[] = [];
  readonly #base = {
    of: new Set<string>(),
    manifest: new Map<Digest, Descriptor>(),
    blob: new Map<Digest, Descriptor>(),
  };
  #index = EMPTY_INDEX;

  constructor(writer: ArchiveWriter, digester: Digester, options: LayoutArchiveOptions) {
    this.#writer = writer;
    this.#digester = digester;
    this.#options = options;
  }

  get name(): string {
    return `oci-archive:${this.#writer.name}`;
  }

  /** By the very name that was put. */
  async resolve(reference: string): Promise<Descriptor | undefined> {
    const { entries } = this.#index;
    return (
      entries.find(({ digest }) => digest === reference) ?? entryOfName(entries, reference, this.#options)
    );
  }

  async hasManifest({ digest }: Descriptor): Promise<boolean> {
    return this.#manifests.has(digest);
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.#written.has(digest);
  }

  async putBlob(blob: Blob, options: PutBlobOptions = {}): Promise<'present' | 'sent'> {
    const { digest, size } = blob.descriptor;
    const unless = (): boolean => this.#written.has(digest);
    const body = (): AsyncIterable<Uint8Array> => incoming(blob, this.name, options);
    const sent = await this.#writer.file(blobPath(digest), size, body, { ...signalOf(options), unless });
    this.#written.add(digest);
    return sent ? 'sent' : 'present';
  }

  async putManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    { tags = [], top = false, ...options }: PutManifestOptions = {},
  ): Promise<void> {
    const { digest } = descriptor;
    const manifest = checkManifest(descriptor, bytes, this.name);
    const dockerTags = this.#options.dockerManifest === true ? repoTags(tags, this.#options) : [];
    // What is where the archive will be loaded is only named.
    if (!this.#base.manifest.has(digest)) {
      const unless = (): boolean => this.#written.has(digest);
      const call = { ...signalOf(options), unless };
      await this.#writer.file(blobPath(digest), bytes.length, () => [bytes], call);
      this.#written.add(digest);
      this.#manifests.set(digest, manifest);
    }
    if (tags.length === 0 && !top && manifest.subject === undefined) return;
    const artifactType = manifest.subject === undefined ? undefined : artifactTypeOf(manifest);
    const { annotate = 'full' } = this.#options;
    this.#index = entriesFor(descriptor, tags, { annotate, artifactType }).reduce(withEntry, this.#index);
    this.#named.push({ digest, tags: dockerTags });
  }

  relyOn(kind: 'blob' | 'manifest', descriptor: Descriptor, of: readonly string[]): void {
    this.#base[kind].set(descriptor.digest, descriptor);
    for (const name of of) this.#base.of.add(name);
  }

  async finish(options: CallOptions = {}): Promise<void> {
    await this.#writer.bytes('index.json', encodeIndexFile(this.#index), options);
    if (this.#options.dockerManifest === true)
      await this.#writer.bytes('manifest.json', encodeGoJson(this.#dockerEntries()), options);
    const { of, manifest, blob } = this.#base;
    if (manifest.size + blob.size > 0) {
      const base = { of: [...of], manifests: [...manifest.values()], blobs: [...blob.values()] };
      await this.#writer.bytes(BASE_NAME, encodeBase(base), options);
    }
    if (this.#options.seal === true) await this.#writer.bytes(SEAL_NAME, encodeSeal(this.#digester), options);
    await this.#writer.finish(options);
  }

  async abandon(): Promise<void> {
    await this.#writer.abandon();
  }

  /** What Docker's manifest lists: each image once, with all of its names. */
  #dockerEntries(): readonly DockerEntry[] {
    const names = new Map<ImageManifest, string[]>();
    for (const { digest, tags } of this.#named) {
      const image = this.#imageFor(digest);
      if (image === undefined) continue;
      const all = names.get(image) ?? [];
      names.set(image, all);
      // A name stands for what got it last.
      for (const others of names.values()) removeAll(others, tags);
      all.push(...tags);
    }
    const entries = [...names].map(([{ config, layers }, tags]) => ({
      Config: blobPath(config.digest),
      RepoTags: tags.length > 0 ? tags : null,
      Layers: layers.map((layer) => blobPath(layer.digest)),
    }));
    return sortedEntries(entries);
  }

  /** The image that Docker can load, for a manifest at the top; undefined for an artifact. */
  #imageFor(digest: Digest): ImageManifest | undefined {
    const manifest = this.#manifests.get(digest);
    if (manifest?.kind === 'index') {
      const { platform: wanted = LINUX } = this.#options;
      const child = manifest.manifests.find(
        ({ platform, digest: own }) =>
          platform !== undefined && platformMatches(platform, wanted) && this.#manifests.has(own),
      );
      return child && this.#imageFor(child.digest);
    }
    const isWhole =
      manifest !== undefined &&
      CONFIGS.has(manifest.config.mediaType) &&
      [manifest.config, ...manifest.layers].every((blob) => this.#written.has(blob.digest));
    return isWhole ? manifest : undefined;
  }
}

function removeAll(from: string[], names: readonly string[]): void {
  for (const name of names) {
    const at = from.indexOf(name);
    if (at >= 0) from.splice(at, 1);
  }
}

const signalOf = ({ signal }: CallOptions): CallOptions => (signal === undefined ? {} : { signal });
