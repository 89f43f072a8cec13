import type { Digest } from '../../oci/index.js';
import type { Core } from './core.js';
import { keys } from './keys.js';
import { put, type Operation } from './records.js';
import { decode, encode } from './values.js';

interface LeaseRecord {
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Makes every lease differ from the one before, so that a collector sees any new one. */
  readonly n: string;
}

/** Leases remembered in memory at most; forgetting one costs a write, never content. */
const REMEMBERED = 50_000;

/**
 * A lease keeps what a client was told to exist. The collector only takes what has no live lease, and its commit fails
 * when a lease was written meanwhile.
 */
export class Leases {
  readonly #core: Core;
  /** When the lease of a key was last written. */
  readonly #written = new Map<string, number>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** The operation that leases a digest as part of another commit. */
  operation(repo: string, digest: Digest): Operation {
    const { now, newId, rules } = this.#core;
    const record: LeaseRecord = { until: now() + rules.lease, n: newId() };
    return put(keys.lease(repo, digest), encode(record));
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
    const taken = await this.#core.records.commit(
      [this.operation(repo, digest)],
      [{ key: guard, present: true }],
      {
        sync: false,
      },
    );
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
    const value = await this.#core.records.get(keys.lease(repo, digest));
    return { value, live: value !== undefined && decode<LeaseRecord>(value).until > this.#core.now() };
  }
}
