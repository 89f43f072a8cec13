import {
  MANIFEST_LIMIT,
  OciError,
  collect,
  isDigest,
  isOciError,
  parseManifest,
  type ByteRange,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
  type ErrorCode,
} from '../../oci/index.js';
import type { Root, Source } from '../media.js';
import { sliceOf } from './files.js';
import { entryNames, nameOf, namedEntries, parseIndexFile, type IndexFile } from './index-file.js';
import type { LayoutMedium } from './medium.js';
import { findNamed, tagOfName } from './names.js';
import { referrersBySubject } from './walk.js';

/** Tags that are made of a digest: cosign's `sha256-<hex>.sig`, and the one that stands for a referrers list. */
const COMPANION = /^sha(?:256|512)-[0-9a-f]{64,128}(?:\.\w+)?$/;

/** Reads a layout, wherever it lies. Its index is read once; content comes as it is then. */
export class LayoutSource implements Source {
  readonly #medium: LayoutMedium;
  #index: Promise<IndexFile> | undefined;
  #referrers: Promise<ReadonlyMap<Digest, readonly Descriptor[]>> | undefined;

  constructor(medium: LayoutMedium) {
    this.#medium = medium;
  }

  get name(): string {
    return this.#medium.name;
  }

  /** The entries of its index, in their order. Throws OciError `CONTENT_INVALID`. */
  async entries(options?: CallOptions): Promise<readonly Descriptor[]> {
    this.#index ??= this.#readIndex(options);
    try {
      return (await this.#index).entries;
    } catch (error) {
      // A failure, an abort say, is not remembered.
      this.#index = undefined;
      throw error;
    }
  }

  async resolve(reference: string, options?: CallOptions): Promise<Descriptor | undefined> {
    const entries = await this.entries(options);
    if (reference === '') return findNamed(namedEntries(await this.#own(entries, options)), '', this.name);
    if (!isDigest(reference)) return findNamed(namedEntries(entries), reference, this.name);
    return entries.find(({ digest }) => digest === reference) ?? (await this.#unlisted(reference, options));
  }

  async manifest(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array> {
    const { digest, size } = descriptor;
    await this.#check(descriptor, 'MANIFEST_UNKNOWN', options);
    return await collect(this.#medium.read(digest, 0, size, options), MANIFEST_LIMIT, `manifest ${digest}`);
  }

  async blob(
    descriptor: Descriptor,
    { range, ...options }: CallOptions & { readonly range?: ByteRange } = {},
  ): Promise<ByteStream> {
    const { digest, size } = descriptor;
    await this.#check(descriptor, 'BLOB_UNKNOWN', options);
    const { start, length } = sliceOf(range, size);
    return this.#medium.read(digest, start, length, options);
  }

  async *tags(options?: CallOptions): AsyncGenerator<string> {
    const names = entryNames(await this.entries(options)).filter((name) => name !== undefined);
    yield* [...new Set(names)].toSorted();
  }

  async *roots(options?: CallOptions): AsyncGenerator<Root> {
    const entries = await this.entries(options);
    const names = entryNames(entries);
    for (const [at, descriptor] of entries.entries()) {
      const tag = names[at];
      yield { descriptor, ...(tag !== undefined && { tag }) };
    }
  }

  async *referrers(digest: Digest, options?: CallOptions): AsyncGenerator<Descriptor> {
    yield* (await this.#bySubject(options)).get(digest) ?? [];
  }

  async close(): Promise<void> {
    await this.#medium.close?.();
  }

  async #bySubject(options?: CallOptions): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
    this.#referrers ??= referrersBySubject(this, await this.entries(options), options);
    try {
      return await this.#referrers;
    } catch (error) {
      this.#referrers = undefined;
      throw error;
    }
  }

  /** The entries that stand for themselves: no signatures and the like, which speak of others. */
  async #own(entries: readonly Descriptor[], options?: CallOptions): Promise<readonly Descriptor[]> {
    if (entries.length < 2) return entries;
    const referrers = new Set(
      [...(await this.#bySubject(options)).values()].flat().map(({ digest }) => digest),
    );
    const own = entries.filter((entry) => {
      const name = nameOf(entry) ?? '';
      return !referrers.has(entry.digest) && !COMPANION.test(tagOfName(name) ?? name);
    });
    return own.length === 0 ? entries : own;
  }

  async #readIndex(options?: CallOptions): Promise<IndexFile> {
    return parseIndexFile(await this.#medium.index(options), this.name);
  }

  /** A manifest that lies there and is no entry: a child of an index, say. Its own words tell its type. */
  async #unlisted(digest: Digest, options?: CallOptions): Promise<Descriptor | undefined> {
    const size = await this.#medium.size(digest, options);
    if (size === undefined || size > MANIFEST_LIMIT) return undefined;
    const bytes = await this.manifest({ mediaType: '', digest, size }, options);
    try {
      return { mediaType: parseManifest(bytes).mediaType, digest, size };
    } catch (error) {
      if (isOciError(error, 'MANIFEST_INVALID')) return undefined;
      throw error;
    }
  }

  async #check({ digest, size }: Descriptor, absent: ErrorCode, options?: CallOptions): Promise<void> {
    const found = await this.#medium.size(digest, options);
    const what = `${absent === 'BLOB_UNKNOWN' ? 'blob' : 'manifest'} ${digest}`;
    if (found === undefined)
      throw new OciError(absent, `${this.name} does not have ${what}`, { detail: { digest } });
    if (found !== size) {
      throw new OciError('DIGEST_MISMATCH', `${what} of ${this.name}: expected ${size} bytes, got ${found}`, {
        detail: { expected: digest, size, received: found },
      });
    }
  }
}
