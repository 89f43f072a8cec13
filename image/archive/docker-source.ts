import {
  Digester,
  MANIFEST_LIMIT,
  MEDIA_TYPES,
  OciError,
  collect,
  describe,
  encodeJson,
  isDigest,
  isNonDistributable,
  isObject,
  isOciError,
  isStringList,
  parseJson,
  type ByteRange,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { MAGIC_LENGTH, decompress, detectCompression, type Compression } from '../compression.js';
import { corrupt } from '../corrupt.js';
import { sliceOf } from '../layout/files.js';
import { findNamed, type Named } from '../layout/names.js';
import type { Root, Source } from '../media.js';
import type { DockerImage } from './docker-manifest.js';
import type { ArchivedFile, TarFile } from './tar-file.js';

/** By how a layer is packed. Docker has no type for zstd; OCI's is what other tools use then. */
const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  gzip: MEDIA_TYPES.dockerLayer,
  none: MEDIA_TYPES.dockerLayerPlain,
  zstd: MEDIA_TYPES.ociLayerZstd,
};

/** A manifest that was made for an image, which has none in a docker archive. */
interface Made {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Reads a docker archive. Manifests are made here, of Docker's types, with configs and layers as they lie: their digests are
 * the same each time, but not those that the images had in a registry.
 */
export class DockerSource implements Source {
  readonly name: string;
  readonly #tar: TarFile;
  readonly #images: readonly DockerImage[];
  readonly #made = new Map<DockerImage, Promise<Made>>();
  readonly #layers = new Map<ArchivedFile, Promise<Descriptor>>();
  readonly #manifests = new Map<Digest, Made>();
  readonly #blobs = new Map<Digest, ArchivedFile>();

  constructor(tar: TarFile, images: readonly DockerImage[]) {
    this.name = `docker-archive:${tar.name}`;
    this.#tar = tar;
    this.#images = images;
  }

  async resolve(reference: string, options?: CallOptions): Promise<Descriptor | undefined> {
    if (isDigest(reference)) {
      await this.#makeAll(options);
      return this.#manifests.get(reference)?.descriptor;
    }
    const image = findNamed(this.#named(), reference, this.name);
    return image && (await this.#make(image, options)).descriptor;
  }

  async manifest({ digest }: Descriptor, options?: CallOptions): Promise<Uint8Array> {
    if (!this.#manifests.has(digest)) await this.#makeAll(options);
    const made = this.#manifests.get(digest);
    if (made === undefined)
      throw new OciError('MANIFEST_UNKNOWN', `${this.name} does not have manifest ${digest}`);
    return made.bytes;
  }

  async blob(
    { digest }: Descriptor,
    { range, ...options }: CallOptions & { readonly range?: ByteRange } = {},
  ): Promise<ByteStream> {
    if (!this.#blobs.has(digest)) await this.#makeAll(options);
    const file = this.#blobs.get(digest);
    if (file === undefined) throw new OciError('BLOB_UNKNOWN', `${this.name} does not have blob ${digest}`);
    const { start, length } = sliceOf(range, file.size);
    return this.#tar.read(file.start + start, length, options);
  }

  async *tags(): AsyncGenerator<string> {
    yield* [...new Set(this.#images.flatMap(({ repoTags }) => repoTags))].toSorted();
  }

  async *roots(options?: CallOptions): AsyncGenerator<Root> {
    for (const image of this.#images) {
      // oxlint-disable-next-line no-await-in-loop -- reading is bound by the disk
      const { descriptor } = await this.#make(image, options);
      if (image.repoTags.length === 0) yield { descriptor };
      for (const tag of image.repoTags) yield { descriptor, tag };
    }
  }

  async close(): Promise<void> {
    await this.#tar.close();
  }

  /**
   * Unpacks every layer and compares it with what its config says of it: the only word that a docker archive has on
   * packed layers.
   * @returns the names of layers that are others, and why
   */
  async *damagedLayers(
    options: CallOptions = {},
  ): AsyncGenerator<{ readonly entry: string; readonly reason: string }> {
    const seen = new Set<string>();
    for (const image of this.#images) {
      const config = await this.#tar.whole(this.#entry(image.config), MANIFEST_LIMIT, options);
      const diffIds = diffIdsOf(config, `${image.config} of ${this.name}`);
      for (const [at, name] of image.layers.entries()) {
        const file = this.#tar.follow(name);
        const expected = diffIds[at];
        if (file === undefined || expected === undefined || seen.has(`${file.name} ${expected}`)) continue;
        seen.add(`${file.name} ${expected}`);
        const reason = await this.#differs(file, expected, options);
        if (reason !== undefined) yield { entry: file.name, reason };
      }
    }
  }

  async #differs(file: ArchivedFile, expected: string, options: CallOptions): Promise<string | undefined> {
    const what = `layer ${file.name} of ${this.name}`;
    const digester = new Digester();
    try {
      const packed = this.#tar.read(file.start, file.size, options);
      for await (const bytes of decompress(packed, { what, ...options })) digester.update(bytes);
    } catch (error) {
      if (isOciError(error, 'CONTENT_INVALID')) return error.message;
      throw error;
    }
    const got = digester.digest();
    return got === expected ? undefined : `${what} is damaged: expected ${expected} unpacked, got ${got}`;
  }

  #named(): readonly Named<DockerImage>[] {
    return this.#images.map((image) => ({ names: image.repoTags, digest: image.config, item: image }));
  }

  async #makeAll(options?: CallOptions): Promise<void> {
    for (const image of this.#images) {
      // oxlint-disable-next-line no-await-in-loop -- reading is bound by the disk
      await this.#make(image, options);
    }
  }

  #make(image: DockerImage, options?: CallOptions): Promise<Made> {
    return remembered(this.#made, image, () => this.#makeManifest(image, options));
  }

  async #makeManifest(image: DockerImage, options: CallOptions = {}): Promise<Made> {
    const file = this.#entry(image.config);
    const bytes = await this.#tar.whole(file, MANIFEST_LIMIT, options);
    const diffIds = diffIdsOf(bytes, `${image.config} of ${this.name}`);
    if (diffIds.length !== image.layers.length) {
      throw corrupt(
        `${this.name}: ${image.config} tells of ${diffIds.length} layers, manifest.json of ${image.layers.length}`,
      );
    }
    const layers: Descriptor[] = [];
    for (const [at, name] of image.layers.entries()) {
      const diffId = diffIds[at] ?? '';
      // oxlint-disable-next-line no-await-in-loop -- reading is bound by the disk
      layers.push(await this.#layer(name, diffId, image.layerSources.get(diffId), options));
    }
    const config = written(describe(MEDIA_TYPES.dockerConfig, bytes));
    this.#blobs.set(config.digest, file);
    const manifest = encodeJson({ schemaVersion: 2, mediaType: MEDIA_TYPES.dockerManifest, config, layers });
    const made = { descriptor: describe(MEDIA_TYPES.dockerManifest, manifest), bytes: manifest };
    this.#manifests.set(made.descriptor.digest, made);
    return made;
  }

  async #layer(
    name: string,
    diffId: string,
    source: Descriptor | undefined,
    options: CallOptions,
  ): Promise<Descriptor> {
    // Docker 25 writes sources for layers of all types; they describe other bytes than those that lie here.
    const foreign = source !== undefined && isNonDistributable(source.mediaType) ? source : undefined;
    const file = foreign === undefined ? this.#entry(name) : this.#tar.follow(name);
    if (file === undefined && foreign !== undefined) return written(foreign);
    if (file === undefined) throw corrupt(`${this.name} has no ${name}`);
    const found = await remembered(this.#layers, file, () => this.#describe(file, options));
    if (found.mediaType === MEDIA_TYPES.dockerLayerPlain && found.digest !== diffId)
      throw corrupt(`${this.name}: layer ${name} is damaged: expected ${diffId}, got ${found.digest}`);
    this.#blobs.set(found.digest, file);
    return foreign === undefined ? found : written(foreign);
  }

  async #describe(file: ArchivedFile, options: CallOptions): Promise<Descriptor> {
    const first = await collect(
      this.#tar.read(file.start, Math.min(MAGIC_LENGTH, file.size)),
      MAGIC_LENGTH,
      file.name,
    );
    const digester = new Digester();
    for await (const bytes of this.#tar.read(file.start, file.size, options)) digester.update(bytes);
    return { mediaType: LAYER_TYPES[detectCompression(first)], size: file.size, digest: digester.digest() };
  }

  #entry(name: string): ArchivedFile {
    const file = this.#tar.follow(name);
    if (file === undefined)
      throw corrupt(`${this.name} is damaged: manifest.json tells of ${name}, which is not there`);
    return file;
  }
}

/** A promise that is made once; a failure, an abort say, is not remembered. */
function remembered<K, V>(map: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  made.catch(() => map.delete(key));
  return made;
}

/** A descriptor with its fields in the order that Docker's tools write. */
function written({ mediaType, size, digest, urls }: Descriptor): Descriptor {
  return { mediaType, size, digest, ...(urls && { urls }) };
}

/** What a config says of its layers. Throws OciError `CONTENT_INVALID`. */
export function diffIdsOf(config: Uint8Array, what: string): readonly string[] {
  const parsed = parseJson(config, what, 'CONTENT_INVALID');
  const rootfs = isObject(parsed) ? (parsed.rootfs ?? {}) : undefined;
  const ids = isObject(rootfs) ? (rootfs.diff_ids ?? []) : undefined;
  if (!isStringList(ids)) throw corrupt(`${what} has no list rootfs.diff_ids: it is no image config`);
  return ids;
}
