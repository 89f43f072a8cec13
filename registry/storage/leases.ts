import { isOciError, type Digest } from '../../oci/index.js';
import type { Core } from './core.js';
import { keys } from './keys.js';
import { put, remove, scan, type Operation } from './records.js';
import { decode, encode } from './values.js';

interface LeaseRecord {
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** One per commit: makes every lease differ from the one before, so that a collector sees any new one. */
  readonly n: string;
}

/** Leases remembered in memory at most; forgetting one costs a write, never content. */
const REMEMBERED = 50_000;

/**
 * How long after its end a lease is deleted, in milliseconds. A commit may be on its way that read it before it was
 * renewed: the lease must not look as it did then.
 */
const LINGER = 60_000;

/**
 * A lease keeps what a client was told to exist. The collector only takes what has no live lease, and its commit fails
 * when a lease was written meanwhile.
 */
export class Leases {
  readonly #core: Core;
  /** When the lease of a key was last written. */
  readonly #written = new Map<string, number>();
  /** Ends of leases that the full disk did not take. */
  readonly #unwritten = new Map<string, number>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** The operations that lease digests as part of another commit. */
  operations(repo: string, digests: Iterable<Digest>): Operation[] {
    const { now, newId, rules } = this.#core;
    const record = encode({ until: now() + rules.lease, n: newId() } satisfies LeaseRecord);
    return [...digests].map((digest) => put(keys.lease(repo, digest), record));
  }

  /**
   * Leases what lies under `guard`; a write at most once a quarter of the lease.
   * @returns false when the guard is gone: the caller must say that it does not exist
   */
  async take(repo: string, digest: Digest, guard: string): Promise<boolean> {
    const key = keys.lease(repo, digest);
    const { now, rules } = this.#core;
    const written = this.#written.get(key);
    if (written !== undefined && now() - written < rules.lease / 4) return true;
    const time = now();
    const taken = await this.#write(repo, digest, guard);
    if (taken) {
      if (this.#written.size >= REMEMBERED) this.#written.clear();
      this.#written.set(key, time);
    }
    return taken;
  }

  /** Forgets what is remembered of a key that was deleted. */
  forget(repo: string, digest: Digest): void {
    this.#written.delete(keys.lease(repo, digest));
  }

  /** The lease as it stands: its bytes, for a precondition, and whether it still holds. */
  async read(repo: string, digest: Digest): Promise<{ value: Uint8Array | undefined; live: boolean }> {
    const key = keys.lease(repo, digest);
    const value = await this.#core.records.get(key);
    const until = value === undefined ? 0 : decode<LeaseRecord>(value).until;
    return { value, live: Math.max(until, this.#unwritten.get(key) ?? 0) > this.#core.now() };
  }

  /** Deletes leases that are long over. */
  async sweep(signal?: AbortSignal): Promise<void> {
    const { records, now } = this.#core;
    for (const [key, until] of this.#unwritten) if (until <= now()) this.#unwritten.delete(key);
    for await (const [key, value] of scan(records, keys.leases)) {
      signal?.throwIfAborted();
      if (decode<LeaseRecord>(value).until + LINGER > now()) continue;
      if (await records.commit([remove(key)], [{ key, value }], { sync: false })) this.#written.delete(key);
    }
  }

  /** Writes a lease. Reading goes on when the disk is full: then the lease is kept in mind. */
  async #write(repo: string, digest: Digest, guard: string): Promise<boolean> {
    const { records, now, rules } = this.#core;
    try {
      return await records.commit(this.operations(repo, [digest]), [{ key: guard, present: true }], {
        sync: false,
      });
    } catch (error) {
      if (!isOciError(error, 'STORE_FULL') || this.#unwritten.size >= REMEMBERED) throw error;
      this.#unwritten.set(keys.lease(repo, digest), now() + rules.lease);
      return (await records.get(guard)) !== undefined;
    }
  }
}
