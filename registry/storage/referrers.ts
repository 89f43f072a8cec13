import type { Descriptor, Digest } from '../../oci/index.js';
import type { Core } from './core.js';
import { keys } from './keys.js';
import { decode } from './values.js';

export interface ReferrerPage {
  readonly manifests: readonly Descriptor[];
  /** Where the next page starts: pass it as `after`. */
  readonly next?: string;
}

/** Bytes of descriptors in one page; answers stay below the 4 MiB that clients are sure to take. */
const PAGE_BYTES = 3 * 1024 * 1024;
const BATCH = 200;

/** Manifests by their subject. Every manifest with a subject is found here from the moment it is stored. */
export class Referrers {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async list(
    repo: string,
    subject: Digest,
    options: { readonly artifactType?: string; readonly after?: string; readonly limit?: number } = {},
  ): Promise<ReferrerPage> {
    const prefix = keys.referrers(repo, subject);
    const manifests: Descriptor[] = [];
    const limit = options.limit ?? Number.MAX_SAFE_INTEGER;
    let bytes = 0;
    let after = prefix + (options.after ?? '');
    for (;;) {
      const batch = await this.#core.records.range({ prefix, after, limit: BATCH, bytes: PAGE_BYTES });
      for (const [key, value] of batch) {
        const descriptor = decode<Descriptor>(value);
        if (options.artifactType === undefined || descriptor.artifactType === options.artifactType) {
          if (bytes > 0 && (bytes + value.byteLength > PAGE_BYTES || manifests.length >= limit)) {
            return { manifests, next: after.slice(prefix.length) };
          }
          bytes += value.byteLength;
          manifests.push(descriptor);
        }
        after = key;
      }
      if (batch.length === 0) return { manifests };
    }
  }
}
