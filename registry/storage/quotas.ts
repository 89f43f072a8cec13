import { OciError, type Digest } from '../../oci/index.js';
import type { Core } from './core.js';
import { keys, lastPart } from './keys.js';
import { put, remove, scan, scanKeys, type Operation, type Precondition } from './records.js';
import { decode, encode } from './values.js';

interface Change {
  readonly operations: readonly Operation[];
  readonly preconditions: readonly Precondition[];
}

const NOTHING: Change = { operations: [], preconditions: [] };

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
      if (!wanted.delete(lastPart(key))) await records.commit([remove(key)]);
    }
    for (const prefix of wanted)
      await records.commit([put(keys.quota(prefix), encode(await this.#count(prefix)))]);
  }

  /** How a link that comes (size > 0) or goes (size < 0) changes the counts. */
  async change(repo: string, digest: Digest, size: number): Promise<Change> {
    const covering = this.#covering(repo);
    if (covering.length === 0 || size === 0) return NOTHING;
    const operations: Operation[] = [];
    const preconditions: Precondition[] = [];
    for (const { prefix } of covering) {
      if (await this.#linkedElsewhere(prefix, repo, digest)) continue;
      const key = keys.quota(prefix);
      const value = await this.#core.records.get(key);
      const used = value === undefined ? 0 : decode<number>(value);
      operations.push(put(key, encode(Math.max(0, used + size))));
      preconditions.push({ key, value });
    }
    return { operations, preconditions };
  }

  /**
   * Holds room for bytes that are about to come.
   * @returns what gives the room back
   * @throws OciError `DENIED` when they would not fit
   */
  async reserve(repo: string, size: number): Promise<() => void> {
    const covering = this.#covering(repo);
    const counted = await Promise.all(covering.map(({ prefix }) => this.used(prefix)));
    // No await between the check and the hold.
    for (const [index, { prefix, bytes }] of covering.entries()) {
      const used = (counted[index] ?? 0) + (this.#reserved.get(prefix) ?? 0);
      if (used + size > bytes) {
        throw new OciError(
          'DENIED',
          `quota of ${prefix || 'the registry'} is ${bytes} bytes, ${used} are in use or on their way, ${size} more do not fit`,
          { detail: { prefix, limit: bytes, used, wanted: size } },
        );
      }
    }
    for (const { prefix } of covering) this.#reserved.set(prefix, (this.#reserved.get(prefix) ?? 0) + size);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const { prefix } of covering) this.#reserved.set(prefix, (this.#reserved.get(prefix) ?? 0) - size);
    };
  }

  /** Bytes in use below a prefix that has a quota. */
  async used(prefix: string): Promise<number> {
    const value = await this.#core.records.get(keys.quota(prefix));
    return value === undefined ? 0 : decode<number>(value);
  }

  /** True when the repository has a quota to keep. */
  covers(repo: string): boolean {
    return this.#covering(repo).length > 0;
  }

  #covering(repo: string): StoreQuota[] {
    return this.#core.rules.quotas.filter(({ prefix }) => covers(prefix, repo));
  }

  async #linkedElsewhere(prefix: string, repo: string, digest: Digest): Promise<boolean> {
    for await (const key of scanKeys(this.#core.records, keys.owners(digest) + prefix)) {
      const owner = lastPart(key);
      if (owner !== repo && covers(prefix, owner)) return true;
    }
    return false;
  }

  async #count(prefix: string): Promise<number> {
    const seen = new Set<string>();
    let sum = 0;
    for await (const [key, value] of scan(this.#core.records, `l!${prefix}`)) {
      const [, repo = '', digest = ''] = key.split('!');
      if (!covers(prefix, repo) || seen.has(digest)) continue;
      seen.add(digest);
      sum += decode<{ size: number }>(value).size;
    }
    return sum;
  }
}

type StoreQuota = Core['rules']['quotas'][number];
