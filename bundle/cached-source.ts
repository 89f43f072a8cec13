import { algorithmOf, collect, digestOf, streamOf, type Digest } from '../oci/index.js';
import type { Source } from '../image/media.js';

/** A source that keeps what is small. */
export interface CachedSource extends Source {
  /** Keeps bytes that were read, and checked, elsewhere. */
  remember(digest: Digest, bytes: Uint8Array): void;
}

/** Larger blobs are not kept, in bytes. */
const SMALL = 1 << 20;
/** All that is kept, in bytes. */
const ROOM = 32 << 20;

/** Bytes by digest; what is oldest goes first. */
export class SmallCache {
  readonly #kept = new Map<Digest, Uint8Array>();
  #size = 0;

  get(digest: Digest): Uint8Array | undefined {
    return this.#kept.get(digest);
  }

  add(digest: Digest, bytes: Uint8Array): void {
    if (this.#kept.has(digest)) return;
    this.#kept.set(digest, bytes);
    this.#size += bytes.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#size <= ROOM) break;
      this.#kept.delete(oldest);
      this.#size -= length;
    }
  }
}

/**
 * Keeps manifests and small blobs of a source in memory: what says which images a bundle has is copied as well, and need
 * not be fetched twice.
 */
export function cachedSource(source: Source, cache: SmallCache): CachedSource {
  return {
    ...source,
    remember: (digest, bytes) => cache.add(digest, bytes),
    manifest: async (descriptor, options) => {
      const known = cache.get(descriptor.digest);
      if (known !== undefined) return known;
      const bytes = await source.manifest(descriptor, options);
      keep(cache, descriptor.digest, bytes);
      return bytes;
    },
    blob: async (descriptor, options = {}) => {
      const { range, ...call } = options;
      const known = cache.get(descriptor.digest);
      if (known !== undefined)
        return streamOf(range === undefined ? known : known.subarray(range.start, range.end + 1));
      if (descriptor.size > SMALL || range !== undefined) return await source.blob(descriptor, options);
      const bytes = await collect(await source.blob(descriptor, call), SMALL, `blob ${descriptor.digest}`);
      keep(cache, descriptor.digest, bytes);
      return streamOf(bytes);
    },
  };
}

/** What one place says of a digest must not stand for what another has. */
function keep(cache: SmallCache, digest: Digest, bytes: Uint8Array): void {
  if (digestOf(bytes, algorithmOf(digest)) === digest) cache.add(digest, bytes);
}
