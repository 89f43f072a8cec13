import { collect, streamOf, type Digest } from '../oci/index.js';
import type { Source } from '../image/media.js';

/** A source that keeps what is small. */
export interface CachedSource extends Source {
  /** Keeps bytes that were read elsewhere. */
  remember(digest: Digest, bytes: Uint8Array): void;
}

/** Larger blobs are not kept, in bytes. */
const SMALL = 1 << 20;
/** All that one source keeps, in bytes. */
const ROOM = 32 << 20;

/**
 * Keeps manifests and small blobs of a source in memory: what says which images a bundle has is copied as well, and need
 * not be fetched twice. What is oldest goes first.
 */
export function cachedSource(source: Source): CachedSource {
  const kept = new Map<Digest, Uint8Array>();
  let size = 0;
  const remember = (digest: Digest, bytes: Uint8Array): void => {
    if (kept.has(digest)) return;
    kept.set(digest, bytes);
    size += bytes.length;
    for (const [oldest, { length }] of kept) {
      if (size <= ROOM) break;
      kept.delete(oldest);
      size -= length;
    }
  };
  return {
    ...source,
    remember,
    manifest: async (descriptor, options) => {
      const known = kept.get(descriptor.digest);
      if (known !== undefined) return known;
      const bytes = await source.manifest(descriptor, options);
      remember(descriptor.digest, bytes);
      return bytes;
    },
    blob: async (descriptor, options = {}) => {
      const { range, ...call } = options;
      const known = kept.get(descriptor.digest);
      if (known !== undefined)
        return streamOf(range === undefined ? known : known.subarray(range.start, range.end + 1));
      if (descriptor.size > SMALL || range !== undefined) return await source.blob(descriptor, options);
      const bytes = await collect(await source.blob(descriptor, call), SMALL, `blob ${descriptor.digest}`);
      remember(descriptor.digest, bytes);
      return streamOf(bytes);
    },
  };
}
