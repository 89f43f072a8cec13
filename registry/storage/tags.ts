import { OciError, type Digest } from '../../oci/index.js';
import { requireCondition, type Condition } from './condition.js';
import type { Core } from './core.js';
import { keys, lastPart } from './keys.js';
import { put, remove, scanKeys, type Operation, type Precondition } from './records.js';
import { decode, encode } from './values.js';

export interface TagRecord {
  readonly digest: Digest;
  /** Milliseconds since the epoch. */
  readonly updated: number;
}

const DONE = new Uint8Array(0);

/** Tags: names that move. */
export class Tags {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async get(repo: string, tag: string): Promise<TagRecord | undefined> {
    const value = await this.#core.records.get(keys.tag(repo, tag));
    return value === undefined ? undefined : decode<TagRecord>(value);
  }

  /** Names in byte order, behind `after`. */
  async list(
    repo: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    const prefix = keys.tags(repo);
    const after = options.after === undefined ? {} : { after: prefix + options.after };
    return (await this.#core.records.keys({ prefix, ...after, limit: options.limit })).map(lastPart);
  }

  /** Names that lead to a manifest. */
  async of(repo: string, digest: Digest): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const key of scanKeys(this.#core.records, keys.tagsOf(repo, digest)))
      found.push(lastPart(key));
    return found;
  }

  /**
   * Deletes a tag; its manifest stays.
   * @returns the digest it led to
   * @throws OciError `MANIFEST_UNKNOWN`, `DENIED` when the tag is immutable, `PRECONDITION_FAILED`
   */
  async delete(repo: string, tag: string, condition: Condition = {}): Promise<Digest> {
    for (;;) {
      const value = await this.#core.records.get(keys.tag(repo, tag));
      if (value === undefined)
        throw new OciError('MANIFEST_UNKNOWN', `tag ${tag} is not in ${repo}`, { detail: { tag } });
      const { digest } = decode<TagRecord>(value);
      requireCondition(`tag ${tag}`, digest, condition, { tag });
      this.requireMutable(repo, tag);
      const operations = [remove(keys.tag(repo, tag)), remove(keys.tagOf(repo, digest, tag))];
      if (await this.#core.records.commit(operations, [{ key: keys.tag(repo, tag), value }])) return digest;
    }
  }

  /**
   * What moves a tag as part of a manifest's commit.
   * @throws OciError `DENIED` when the tag is immutable and elsewhere, `PRECONDITION_FAILED`
   */
  async move(
    repo: string,
    tag: string,
    digest: Digest,
    condition: Condition,
  ): Promise<{ operations: Operation[]; precondition: Precondition }> {
    const value = await this.#core.records.get(keys.tag(repo, tag));
    const before = value === undefined ? undefined : decode<TagRecord>(value);
    requireCondition(`tag ${tag}`, before?.digest, condition, { tag });
    if (before !== undefined && before.digest !== digest) this.requireMutable(repo, tag);
    const operations: Operation[] = [
      put(keys.tag(repo, tag), encode({ digest, updated: this.#core.now() } satisfies TagRecord)),
      put(keys.tagOf(repo, digest, tag), DONE),
    ];
    if (before !== undefined && before.digest !== digest)
      operations.push(remove(keys.tagOf(repo, before.digest, tag)));
    return { operations, precondition: { key: keys.tag(repo, tag), value } };
  }

  /** @throws OciError `DENIED` */
  requireMutable(repo: string, tag: string): void {
    if (!this.#core.rules.immutable(repo, tag)) return;
    throw new OciError('DENIED', `tag ${tag} of ${repo} is immutable`, { detail: { tag } });
  }
}
