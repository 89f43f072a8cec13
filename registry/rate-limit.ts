/** Clients remembered at most. One that is forgotten starts afresh. */
const CLIENTS = 10_000;

interface Bucket {
  readonly tokens: number;
  /** When it held them, in milliseconds. */
  readonly at: number;
}

/** Limits requests by a token bucket for each client: so many in a second, and a burst at once. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #clients: number;
  /** Those who came last stand last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    limit: { readonly perSecond: number; readonly burst: number },
    now: () => number,
    clients: number = CLIENTS,
  ) {
    this.#perSecond = limit.perSecond;
    this.#burst = Math.max(1, limit.burst);
    this.#now = now;
    this.#clients = clients;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Counts a request of a client.
   * @returns 0 when it may pass; otherwise in how many seconds the next one may
   */
  take(client: string): number {
    const at = this.#now();
    const before = this.#buckets.get(client) ?? { tokens: this.#burst, at };
    const earned = (Math.max(0, at - before.at) / 1000) * this.#perSecond;
    const tokens = Math.min(this.#burst, before.tokens + earned);
    const passes = tokens >= 1;
    this.#buckets.delete(client);
    this.#buckets.set(client, { tokens: passes ? tokens - 1 : tokens, at });
    if (this.#buckets.size > this.#clients) this.#forgetFirst();
    return passes ? 0 : Math.ceil((1 - tokens) / this.#perSecond);
  }

  #forgetFirst(): void {
    for (const client of this.#buckets.keys()) {
      this.#buckets.delete(client);
      return;
    }
  }
}
