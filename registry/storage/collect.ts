import { isOciError, type Digest } from '../../oci/index.js';
import type { BlobRecord, Blobs } from './blobs.js';
import type { Core } from './core.js';
import { parentOf } from './edges.js';
import { keys, lastPart } from './keys.js';
import type { Leases } from './leases.js';
import { decodeManifest } from './manifest-record.js';
import type { Manifests } from './manifests.js';
import { scanKeys } from './records.js';
import type { Repositories } from './repositories.js';
import type { Tags } from './tags.js';
import type { Uploads } from './uploads.js';
import { decode } from './values.js';

export interface CollectOptions {
  /** Also collect manifests that no tag, index or subject keeps. Default false. */
  readonly untagged?: boolean;
  /** Tell what would go, and delete nothing. */
  readonly dryRun?: boolean;
  /** Told now and then how far it is: what was collected up to then, and repositories done with. */
  readonly onProgress?: (progress: CollectProgress) => void;
  readonly signal?: AbortSignal;
}

export interface CollectReport {
  readonly blobs: number;
  /** Bytes that the medium got back; a blob that another repository still links counts nothing. */
  readonly bytes: number;
  readonly manifests: number;
  readonly uploads: number;
  readonly repositories: number;
}

/** How far a collection is. */
export interface CollectProgress {
  /** Repositories that were looked through. */
  readonly looked: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly manifests: number;
}

interface Parts {
  readonly blobs: Blobs;
  readonly manifests: Manifests;
  readonly tags: Tags;
  readonly leases: Leases;
  readonly uploads: Uploads;
  readonly repositories: Repositories;
}

/** Blobs that are taken out at once. */
const UNLINKS = 32;
/** Blobs that are looked at together. */
const CANDIDATES = 1000;

interface Candidate {
  readonly digest: Digest;
  readonly lease: Uint8Array | undefined;
}

/**
 * Collects what nothing needs while requests go on. For each digest it reads the lease, then looks for whatever needs
 * the digest, then deletes on the condition that the lease is the one it read: every commit that starts to need
 * something writes a lease in the same batch, so nothing needed can be lost, whatever the timing.
 */
export class Collector {
  readonly #core: Core;
  readonly #parts: Parts;

  constructor(core: Core, parts: Parts) {
    this.#core = core;
    this.#parts = parts;
  }

  async run(options: CollectOptions = {}): Promise<CollectReport> {
    const total = { blobs: 0, bytes: 0, manifests: 0, uploads: 0, repositories: 0 };
    const dryRun = options.dryRun === true;
    let looked = 0;
    const tell = ({ blobs, bytes } = { blobs: 0, bytes: 0 }): void =>
      options.onProgress?.({
        looked,
        blobs: total.blobs + blobs,
        bytes: total.bytes + bytes,
        manifests: total.manifests,
      });
    if (!dryRun) total.uploads = await this.#parts.uploads.expire();
    for await (const repo of this.#parts.repositories.list()) {
      options.signal?.throwIfAborted();
      if (options.untagged === true) total.manifests += await this.#manifests(repo, dryRun, options.signal);
      const { blobs, bytes } = await this.#blobs(repo, dryRun, tell, options.signal);
      total.blobs += blobs;
      total.bytes += bytes;
      if (!dryRun && (await this.#parts.repositories.forget(repo))) total.repositories++;
      looked++;
      tell();
    }
    if (dryRun) return total;
    await this.#parts.leases.sweep(options.signal);
    await this.#orphans(options.signal);
    return total;
  }

  /** Blobs that no manifest of the repository points to. */
  async #blobs(
    repo: string,
    dryRun: boolean,
    tell: (sum: { readonly blobs: number; readonly bytes: number }) => void,
    signal?: AbortSignal,
  ): Promise<{ blobs: number; bytes: number }> {
    const { records, rules } = this.#core;
    const sum = { blobs: 0, bytes: 0 };
    // Several at once share a write to disk; a count that all of them change would have them wait for each other.
    const crew = new Crew(rules.quotas.length === 0 ? UNLINKS : 1);
    try {
      for await (const candidates of this.#candidates(repo)) {
        // The edges are looked at once more, behind the leases: whatever came since has changed its lease.
        const [first] = candidates;
        const needed = new Children(scanKeys(records, keys.edges(repo), keys.edges(repo) + first?.digest));
        for (const { digest, lease } of candidates) {
          signal?.throwIfAborted();
          if (await needed.has(digest)) continue;
          await crew.add(async () => {
            const record = await this.#parts.blobs.record(digest);
            if (!dryRun && !(await this.#parts.blobs.unlink(repo, digest, lease))) return;
            sum.blobs++;
            if (record?.links === 1) sum.bytes += record.size;
            tell(sum);
          });
        }
      }
    } finally {
      await crew.end();
    }
    return sum;
  }

  /** Blobs that no edge leads to and no live lease keeps, each with its lease; in order, many at a time. */
  async *#candidates(repo: string): AsyncGenerator<readonly Candidate[]> {
    const { records } = this.#core;
    const needed = new Children(scanKeys(records, keys.edges(repo)));
    let found: Candidate[] = [];
    for await (const key of scanKeys(records, keys.links(repo))) {
      const digest = lastPart(key) as Digest;
      if (await needed.has(digest)) continue;
      const { live, value } = await this.#parts.leases.read(repo, digest);
      if (live) continue;
      found.push({ digest, lease: value });
      if (found.length < CANDIDATES) continue;
      yield found;
      found = [];
    }
    if (found.length > 0) yield found;
  }

  /** Manifests without a tag, an index above them or a subject that is there. Taking one may free others. */
  async #manifests(repo: string, dryRun: boolean, signal?: AbortSignal): Promise<number> {
    let count = 0;
    for (;;) {
      let found = 0;
      for await (const key of scanKeys(this.#core.records, keys.manifests(repo))) {
        signal?.throwIfAborted();
        const digest = lastPart(key) as Digest;
        const lease = await this.#parts.leases.read(repo, digest);
        if (lease.live || (await this.#keepsManifest(repo, digest))) continue;
        if (dryRun || (await this.#removeManifest(repo, digest, lease.value))) found++;
      }
      count += found;
      if (found === 0 || dryRun) break;
    }
    return count;
  }

  async #removeManifest(repo: string, digest: Digest, lease: Uint8Array | undefined): Promise<boolean> {
    try {
      return await this.#parts.manifests.remove(repo, digest, lease, []);
    } catch (error) {
      if (isOciError(error, 'MANIFEST_UNKNOWN')) return false;
      throw error;
    }
  }

  async #keepsManifest(repo: string, digest: Digest): Promise<boolean> {
    const { records } = this.#core;
    const [tag] = await records.keys({ prefix: keys.tagsOf(repo, digest), limit: 1 });
    if (tag !== undefined || (await parentOf(records, repo, digest)) !== undefined) return true;
    const value = await records.get(keys.manifest(repo, digest));
    const subject = value === undefined ? undefined : decodeManifest(value).subject;
    return subject !== undefined && (await records.get(keys.manifest(repo, subject))) !== undefined;
  }

  /** Published bytes that no record names: what a crash between publishing and its commit leaves. */
  async #orphans(signal?: AbortSignal): Promise<void> {
    const { records, bytes, publishing } = this.#core;
    let failure: unknown;
    for await (const { location, digest } of bytes.list()) {
      signal?.throwIfAborted();
      // Not being published any more: if it was published for a record, that record is there by now.
      if (publishing.has(digest)) continue;
      const key = keys.blob(digest);
      const value = await records.get(key);
      if (value !== undefined && decode<BlobRecord>(value).location === location) continue;
      // Nothing is changed, but a commit knows what became of those that failed.
      if (!(await records.commit([], [{ key, value }]))) continue;
      await bytes.delete(location).catch((error: unknown) => {
        failure ??= error;
      });
    }
    if (failure !== undefined) throw failure;
  }
}

/** Does work side by side, so many at once; the first failure is met by whoever adds next, or at the end. */
class Crew {
  readonly #size: number;
  readonly #working = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  async add(work: () => Promise<void>): Promise<void> {
    while (this.#working.size >= this.#size) await Promise.race(this.#working);
    if (this.#failure !== undefined) await this.end();
    const done: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#working.delete(done));
    this.#working.add(done);
  }

  async end(): Promise<void> {
    await Promise.all(this.#working);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Walks the edges of a repository beside its links: both come in the order of their digests. */
class Children {
  readonly #keys: AsyncIterator<string>;
  #current: string | undefined = '';

  constructor(edges: AsyncIterable<string>) {
    this.#keys = edges[Symbol.asyncIterator]();
  }

  /** True when a manifest pointed to the digest as the walk came by. Ask in ascending order. */
  async has(digest: Digest): Promise<boolean> {
    while (this.#current !== undefined && this.#current < digest) {
      const next = await this.#keys.next();
      this.#current = next.done === true ? undefined : next.value.split('!')[2];
    }
    return this.#current === digest;
  }
}
