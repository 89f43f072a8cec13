import type { Digest } from '../../oci/index.js';
import type { Core } from './core.js';
import { keys, lastPart } from './keys.js';
import { put, remove, scanKeys, type Operation, type Precondition } from './records.js';
import { Reservation, requireFit, type Quota } from './reservation.js';
import { decode, encode } from './values.js';

interface Change {
  readonly operations: readonly Operation[];
  readonly preconditions: readonly Precondition[];
}

/** True when the repository is the prefix itself or lies below it. The empty prefix covers all. */
const covers = (prefix: string, repo: string): boolean =>
  prefix === '' || repo === prefix || repo.startsWith(`${prefix}/`);

/** Bytes of distinct blobs below path prefixes: counted as links come and go, and held for uploads on their way. */
export class Quotas {
  readonly #core: Core;
  /** Bytes promised to open uploads, per prefix. */
  readonly #reserved = new Map<string, number>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Counts afresh what was not a quota before, and forgets what no longer is one. */
  async open(): Promise<void> {
    const { records, rules } = this.#core;
    const wanted = new Set(rules.quotas.map(({ prefix }) => prefix));
    for await (const key of scanKeys(records, keys.quotas)) {
      if (!wanted.has(lastPart(key))) await records.commit([remove(key)]);
    }
    const all = keys.quota('');
    // A range leaves out the key that is its prefix.
    if (!wanted.has('')) await records.commit([remove(all)], [{ key: all, present: true }]);
    for (const prefix of wanted) {
      if ((await records.get(keys.quota(prefix))) !== undefined) continue;
      await records.commit([put(keys.quota(prefix), encode(await this.#count(prefix)))]);
    }
  }

  /**
   * How a link that comes (size > 0) or goes (size < 0) changes the counts.
   * @param held a reservation holds room for it
   * @throws OciError `DENIED` when one that comes does not fit
   */
  async change(repo: string, digest: Digest, size: number, held = false): Promise<Change> {
    const operations: Operation[] = [];
    const preconditions: Precondition[] = [];
    for (const quota of size === 0 ? [] : this.#covering(repo)) {
      if (await this.#linkedElsewhere(quota.prefix, repo, digest)) continue;
      const key = keys.quota(quota.prefix);
      const value = await this.#core.records.get(key);
      const used = value === undefined ? 0 : decode<number>(value);
      const promised = held ? 0 : (this.#reserved.get(quota.prefix) ?? 0);
      if (size > 0) requireFit(quota, used + promised, size);
      operations.push(put(key, encode(Math.max(0, used + size))));
      preconditions.push({ key, value });
    }
    return { operations, preconditions };
  }

  /** Room for an upload to a repository; nothing is held yet. */
  reservation(repo: string): Reservation {
    return new Reservation(this.#covering(repo), this.#reserved, (prefix) => this.used(prefix));
  }

  /** Bytes in use below a prefix that has a quota. */
  async used(prefix: string): Promise<number> {
    const value = await this.#core.records.get(keys.quota(prefix));
    return value === undefined ? 0 : decode<number>(value);
  }

  #covering(repo: string): Quota[] {
    return this.#core.rules.quotas.filter(({ prefix }) => covers(prefix, repo));
  }

  async #linkedElsewhere(prefix: string, repo: string, digest: Digest): Promise<boolean> {
    const { records } = this.#core;
    const owners = keys.owners(digest);
    if (prefix !== '' && prefix !== repo && (await records.get(owners + prefix)) !== undefined) return true;
    const below = await records.keys({ prefix: prefix === '' ? owners : `${owners}${prefix}/`, limit: 2 });
    return below.some((key) => lastPart(key) !== repo);
  }

  /** Each blob once, if any repository below the prefix links it. */
  async #count(prefix: string): Promise<number> {
    const { records } = this.#core;
    let sum = 0;
    let last = '';
    for await (const key of scanKeys(records, keys.allOwners)) {
      const [, digest = '', repo = ''] = key.split('!');
      if (digest === last || !covers(prefix, repo)) continue;
      last = digest;
      const value = await records.get(keys.blob(digest as Digest));
      if (value !== undefined) sum += decode<{ readonly size: number }>(value).size;
    }
    return sum;
  }
}
