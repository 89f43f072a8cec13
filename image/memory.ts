import {
  OciError,
  collect,
  isDigest,
  streamOf,
  type Blob,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import { checkManifest, incoming } from './layout/incoming.js';
import { referrersBySubject } from './layout/walk.js';
import type { PutBlobOptions, PutManifestOptions, Root, Sink, Source } from './media.js';

/** Content in memory, for tests and for what is small. */
export interface MemoryStore extends Source, Sink {
  /** What is in it now, by digest. */
  readonly contents: ReadonlyMap<Digest, Uint8Array>;
  manifest(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>;
}

/** The most bytes of one blob: a larger one belongs on disk. */
const BLOB_LIMIT = 64 << 20;

/**
 * Makes an empty place in memory.
 *
 * A new medium needs a name and three methods; everything that reads, copies and checks works with it then:
 * ```ts
 * function fromZip(zip: Zip): Source {
 *   const read = (digest: Digest) => zip.read(`blobs/${digest.replace(':', '/')}`);
 *   return {
 *     name: `zip:${zip.path}`,
 *     resolve: async (reference) => zip.tags.get(reference),
 *     manifest: (descriptor) => read(descriptor.digest),
 *     blob: async (descriptor, { range } = {}) => {
 *       const bytes = await read(descriptor.digest);
 *       return streamOf(range === undefined ? bytes : bytes.subarray(range.start, range.end + 1));
 *     },
 *   };
 * }
 * await copy(fromZip(zip), await createLayout('./layout'), [{ descriptor }]);
 * ```
 */
export function memoryStore(name = 'memory'): MemoryStore {
  return new Memory(name);
}

class Memory implements MemoryStore {
  readonly name: string;
  readonly contents = new Map<Digest, Uint8Array>();
  readonly #manifests = new Map<Digest, Descriptor>();
  readonly #tags = new Map<string, Descriptor>();
  readonly #tops = new Map<Digest, Descriptor>();

  constructor(name: string) {
    this.name = name;
  }

  async resolve(reference: string): Promise<Descriptor | undefined> {
    return isDigest(reference) ? this.#manifests.get(reference) : this.#tags.get(reference);
  }

  async manifest({ digest }: Descriptor): Promise<Uint8Array> {
    const bytes = this.#manifests.has(digest) ? this.contents.get(digest) : undefined;
    if (bytes === undefined)
      throw new OciError('MANIFEST_UNKNOWN', `${this.name} does not have manifest ${digest}`);
    return bytes;
  }

  async blob({ digest }: Descriptor, { range }: Parameters<Source['blob']>[1] = {}): Promise<ByteStream> {
    const bytes = this.contents.get(digest);
    if (bytes === undefined) throw new OciError('BLOB_UNKNOWN', `${this.name} does not have blob ${digest}`);
    return streamOf(range === undefined ? bytes : bytes.subarray(range.start, range.end + 1));
  }

  async *tags(): AsyncGenerator<string> {
    yield* [...this.#tags.keys()].toSorted();
  }

  async *roots(): AsyncGenerator<Root> {
    const tagged = new Set<Digest>();
    for (const [tag, descriptor] of this.#tags) {
      tagged.add(descriptor.digest);
      yield { descriptor, tag };
    }
    for (const descriptor of this.#tops.values()) if (!tagged.has(descriptor.digest)) yield { descriptor };
  }

  async *referrers(digest: Digest, options?: CallOptions): AsyncGenerator<Descriptor> {
    yield* (await referrersBySubject(this, [...this.#manifests.values()], options)).get(digest) ?? [];
  }

  async hasManifest({ digest }: Descriptor): Promise<boolean> {
    return this.#manifests.has(digest);
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.contents.has(digest);
  }

  async putBlob(blob: Blob, options: PutBlobOptions = {}): Promise<'present' | 'sent'> {
    const { digest } = blob.descriptor;
    if (this.contents.has(digest)) return 'present';
    this.contents.set(
      digest,
      await collect(incoming(blob, this.name, options), BLOB_LIMIT, `blob ${digest}`),
    );
    return 'sent';
  }

  async putManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    { tags = [], top = false }: PutManifestOptions = {},
  ): Promise<void> {
    checkManifest(descriptor, bytes, this.name);
    this.contents.set(descriptor.digest, Uint8Array.from(bytes));
    this.#manifests.set(descriptor.digest, descriptor);
    for (const tag of tags) this.#tags.set(tag, descriptor);
    if (top) this.#tops.set(descriptor.digest, descriptor);
  }
}
