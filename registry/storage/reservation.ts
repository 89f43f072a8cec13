import { OciError } from '../../oci/index.js';
import type { StoreRules } from './core.js';

/** A limit on the bytes below a path prefix. */
export type Quota = StoreRules['quotas'][number];

/** Bytes held ahead of a body that does not say how long it is, so that few chunks have to ask. */
const STEP = 1024 * 1024;

/** Room held in quotas for bytes on their way. */
export class Reservation {
  readonly #quotas: readonly Quota[];
  readonly #reserved: Map<string, number>;
  readonly #used: (prefix: string) => Promise<number>;
  #held = 0;

  /**
   * @param reserved what all reservations hold, per prefix
   * @param used bytes in use below a prefix
   */
  constructor(
    quotas: readonly Quota[],
    reserved: Map<string, number>,
    used: (prefix: string) => Promise<number>,
  ) {
    this.#quotas = quotas;
    this.#reserved = reserved;
    this.#used = used;
  }

  /**
   * Holds room for this many bytes in all.
   * @throws OciError `DENIED` when they would not fit
   */
  need(size: number): Promise<void> | undefined {
    return this.#quotas.length === 0 || size <= this.#held ? undefined : this.#grow(size);
  }

  /** Holds room for exactly the bytes that are there, whether they fit or not. */
  settle(size: number): void {
    this.#hold(size);
  }

  /** Gives all of it back. */
  release(): void {
    this.#hold(0);
  }

  async #grow(size: number): Promise<void> {
    const used = await Promise.all(this.#quotas.map(({ prefix }) => this.#used(prefix)));
    // No await between the look at what others hold and the hold.
    let most = Number.MAX_SAFE_INTEGER;
    for (const [index, quota] of this.#quotas.entries()) {
      const taken = (used[index] ?? 0) + (this.#reserved.get(quota.prefix) ?? 0) - this.#held;
      requireFit(quota, taken, size);
      most = Math.min(most, quota.bytes - taken);
    }
    this.#hold(this.#held === 0 ? size : Math.min(most, Math.max(size, this.#held + STEP)));
  }

  #hold(size: number): void {
    for (const { prefix } of this.#quotas) {
      const all = (this.#reserved.get(prefix) ?? 0) + size - this.#held;
      if (all > 0) this.#reserved.set(prefix, all);
      else this.#reserved.delete(prefix);
    }
    this.#held = size;
  }
}

/** @throws OciError `DENIED` when more bytes do not fit beside those that are taken */
export function requireFit({ prefix, bytes }: Quota, taken: number, wanted: number): void {
  if (taken + wanted <= bytes) return;
  throw new OciError(
    'DENIED',
    `quota of ${prefix || 'the registry'} is ${bytes} bytes, ${taken} are in use or on their way, ${wanted} more do not fit`,
    { detail: { prefix, limit: bytes, used: taken, wanted } },
  );
}
