import type { Digest } from '../../oci/index.js';
import type { HashThread } from './hash-thread.js';
import type { HeldBytes } from './held-bytes.js';
import type { Records } from './records.js';

/** Rules that a person sets; every field has its default in `resolveRules`. */
export interface StoreRules {
  /** Blobs up to this many bytes lie in the records themselves. */
  readonly inlineLimit: number;
  /** How long what a client was told to exist is kept, in milliseconds. */
  readonly lease: number;
  /** How long after its last write an upload is kept, in milliseconds. */
  readonly uploadExpiry: number;
  /** Writes are refused when less than this many bytes would be free; deletes and collection go on. */
  readonly minFree: number;
  /**
   * What a manifest may point to that is not there. `strict`: nothing; `platforms`: an index may lack some of its
   * children but not all; `off`: anything.
   */
  readonly missing: 'strict' | 'platforms' | 'off';
  /** Refuse to delete a manifest that an index of the repository points to. */
  readonly protectChildren: boolean;
  /** Largest manifest, in bytes. */
  readonly manifestLimit: number;
  /** True for a tag that may not move or go once it is there. */
  readonly immutable: (repository: string, tag: string) => boolean;
  /** Most bytes of distinct blobs below a path prefix; every prefix that fits counts. */
  readonly quotas: readonly { readonly prefix: string; readonly bytes: number }[];
  /** Uploads that may be open at once. */
  readonly maxUploads?: number;
}

/** What every part of the store works with. Time and ids come from outside, so that tests own them. */
export interface Core {
  readonly records: Records;
  readonly bytes: HeldBytes;
  readonly rules: Required<StoreRules>;
  readonly now: () => number;
  readonly newId: () => string;
  /** Free bytes of the medium. */
  readonly free: () => Promise<number>;
  /** Digests that are being published: their bytes may have no record yet. */
  readonly publishing: Map<Digest, number>;
  /** What hashes large uploads beside this thread. */
  readonly hashing?: HashThread | undefined;
}

export const DEFAULT_RULES: Required<StoreRules> = {
  inlineLimit: 512 * 1024,
  lease: 60 * 60 * 1000,
  uploadExpiry: 24 * 60 * 60 * 1000,
  minFree: 64 * 1024 * 1024,
  missing: 'strict',
  protectChildren: false,
  manifestLimit: 8 * 1024 * 1024,
  immutable: () => false,
  quotas: [],
  maxUploads: 10_000,
};
