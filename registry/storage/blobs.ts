import { OciError, isOciError, type ByteRange, type ByteStream, type Digest } from '../../oci/index.js';
import type { Location } from './bytes.js';
import type { Core } from './core.js';
import { parentOf } from './edges.js';
import { keys, lastPart } from './keys.js';
import type { Leases } from './leases.js';
import type { Quotas } from './quotas.js';
import { put, remove, type Operation, type Precondition } from './records.js';
import { enter } from './repository-record.js';
import { decode, encode } from './values.js';

/** What the record of a link says. */
export interface BlobFacts {
  /** Bytes. */
  readonly size: number;
  /** The bytes lie in a record beside this one. */
  readonly inline: boolean;
}

/** The one record of a blob, whatever number of repositories links it. */
export interface BlobRecord {
  readonly size: number;
  /** Repositories that link it. */
  readonly links: number;
  /** Where the bytes are, when they are not inline. */
  readonly location?: Location;
}

/** New content for `link`: small bytes, or a location just published. */
export type Content = { readonly size: number } & (
  | { readonly bytes: Uint8Array }
  | { readonly location: Location }
);

const DONE = new Uint8Array(0);

/** Blobs: stored once, seen only through the repositories that link them. */
export class Blobs {
  readonly #core: Core;
  readonly #leases: Leases;
  readonly #quotas: Quotas;

  constructor(core: Core, leases: Leases, quotas: Quotas) {
    this.#core = core;
    this.#leases = leases;
    this.#quotas = quotas;
  }

  /** The size of a blob of the repository, and a lease on it; `undefined` when there is none. */
  async stat(repo: string, digest: Digest): Promise<BlobFacts | undefined> {
    const key = keys.link(repo, digest);
    const value = await this.#core.records.get(key);
    if (value === undefined || !(await this.#leases.take(repo, digest, key))) return undefined;
    return decode<BlobFacts>(value);
  }

  /**
   * Opens a blob that `stat` found. Small blobs come as bytes.
   * @returns undefined when it was deleted meanwhile
   */
  async open(
    digest: Digest,
    facts: BlobFacts,
    range: ByteRange,
  ): Promise<Uint8Array | ByteStream | undefined> {
    if (facts.size === 0 || range.end < range.start) return DONE;
    if (!facts.inline) return await this.#openLocation(digest, range);
    const bytes = await this.#core.records.get(keys.inline(digest), { large: true });
    return bytes?.subarray(range.start, range.end + 1);
  }

  async #openLocation(digest: Digest, range: ByteRange): Promise<ByteStream | undefined> {
    for (let last: Location | undefined; ;) {
      const location = (await this.record(digest))?.location;
      if (location === undefined) return undefined;
      try {
        return await this.#core.bytes.open(location, range);
      } catch (error) {
        // Deleted, and perhaps stored anew, since the record was read.
        if (!isOciError(error, 'STORE_CORRUPT') || location === last) throw error;
        last = location;
      }
    }
  }

  /** The record of a blob, in whatever repository it is. */
  async record(digest: Digest): Promise<BlobRecord | undefined> {
    const value = await this.#core.records.get(keys.blob(digest));
    return value === undefined ? undefined : decode<BlobRecord>(value);
  }

  /**
   * Makes a blob visible in a repository. When it is stored already `content` is not used, and its bytes, if published,
   * are deleted again.
   * @param content undefined: link what is there (a mount)
   * @param also changes that are made with it, in the same commit when there is one
   * @returns false when nothing is there to link
   * @throws OciError `DENIED` when it does not fit a quota; nothing has changed then
   */
  async link(
    repo: string,
    digest: Digest,
    content?: Content,
    also: readonly Operation[] = [],
  ): Promise<boolean> {
    const { records } = this.#core;
    for (;;) {
      const linked = await records.get(keys.link(repo, digest));
      if (linked !== undefined) {
        if (!(await this.#leases.take(repo, digest, keys.link(repo, digest)))) continue;
        await records.commit(also, [], { sync: false });
        await this.#drop(content);
        return true;
      }
      const before = await records.get(keys.blob(digest));
      const stored = before === undefined ? undefined : decode<BlobRecord>(before);
      if (stored === undefined && content === undefined) return false;
      const record: BlobRecord = {
        ...(stored ?? recordOf(content as Content)),
        links: (stored?.links ?? 0) + 1,
      };
      const repository = await enter(this.#core, repo);
      const quota = await this.#quotas.change(repo, digest, record.size, content !== undefined);
      const operations: Operation[] = [
        put(keys.link(repo, digest), encode(factsOf(record))),
        put(keys.owner(digest, repo), DONE),
        put(keys.blob(digest), encode(record)),
        ...this.#leases.operations(repo, [digest]),
        ...repository.operations,
        ...quota.operations,
        ...also,
      ];
      if (stored === undefined && content !== undefined && 'bytes' in content)
        operations.push(put(keys.inline(digest), content.bytes));
      const preconditions: Precondition[] = [
        { key: keys.link(repo, digest), value: undefined },
        { key: keys.blob(digest), value: before },
        repository.precondition,
        ...quota.preconditions,
      ];
      if (!(await records.commit(operations, preconditions))) continue;
      if (stored !== undefined) await this.#drop(content);
      return true;
    }
  }

  /** A repository, of those the caller may see, that holds the blob. */
  async findOwner(digest: Digest, visible: (repo: string) => boolean): Promise<string | undefined> {
    let after = '';
    for (;;) {
      const page = await this.#core.records.keys({ prefix: keys.owners(digest), after, limit: 100 });
      const found = page.map(lastPart).find(visible);
      if (found !== undefined || page.length < 100) return found;
      after = page.at(-1) ?? '';
    }
  }

  /**
   * Deletes a blob from a repository; its bytes go with the last one.
   * @throws OciError `BLOB_UNKNOWN`, or `UNSUPPORTED` when a manifest of the repository points to it
   */
  async delete(repo: string, digest: Digest): Promise<void> {
    for (;;) {
      if ((await this.#core.records.get(keys.link(repo, digest))) === undefined) {
        throw new OciError('BLOB_UNKNOWN', `blob ${digest} is not in ${repo}`, { detail: { digest } });
      }
      const { value } = await this.#leases.read(repo, digest);
      const manifest = await parentOf(this.#core.records, repo, digest);
      if (manifest !== undefined) {
        throw new OciError(
          'UNSUPPORTED',
          `blob ${digest} is in use by manifest ${manifest} of ${repo}: delete that first`,
          { detail: { digest, manifest } },
        );
      }
      if (await this.unlink(repo, digest, value)) return;
    }
  }

  /**
   * Takes a blob out of a repository if its lease is still the one given.
   * @returns false when anything changed meanwhile
   */
  async unlink(repo: string, digest: Digest, lease: Uint8Array | undefined): Promise<boolean> {
    const { records } = this.#core;
    const before = await records.get(keys.blob(digest));
    const record = before === undefined ? undefined : decode<BlobRecord>(before);
    const operations: Operation[] = [
      remove(keys.link(repo, digest)),
      remove(keys.owner(digest, repo)),
      remove(keys.lease(repo, digest)),
    ];
    const last = record === undefined || record.links <= 1;
    if (last) operations.push(remove(keys.blob(digest)), remove(keys.inline(digest)));
    else operations.push(put(keys.blob(digest), encode({ ...record, links: record.links - 1 })));
    const quota = await this.#quotas.change(repo, digest, -(record?.size ?? 0));
    const done = await records.commit(
      [...operations, ...quota.operations],
      [
        { key: keys.link(repo, digest), present: true },
        { key: keys.lease(repo, digest), value: lease },
        { key: keys.blob(digest), value: before },
        ...quota.preconditions,
      ],
    );
    if (!done) return false;
    this.#leases.forget(repo, digest);
    if (last) await this.#erase(record?.location);
    return true;
  }

  /** Deletes bytes that were published in vain. */
  async #drop(content: Content | undefined): Promise<void> {
    if (content !== undefined && 'location' in content) await this.#erase(content.location);
  }

  /** Deletes bytes that no record names any more. What cannot be deleted now is swept by the collector. */
  async #erase(location: Location | undefined): Promise<void> {
    if (location !== undefined) await this.#core.bytes.delete(location).catch(() => undefined);
  }
}

/** What a link says of a blob; scrub and the collector start from the record itself. */
export const factsOf = ({ size, location }: BlobRecord): BlobFacts => ({
  size,
  inline: location === undefined,
});

function recordOf(content: Content): Omit<BlobRecord, 'links'> {
  return 'location' in content ? { size: content.size, location: content.location } : { size: content.size };
}
