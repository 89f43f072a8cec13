import { algorithmOf, childrenOf, digestOf, parseManifest, type Digest } from '../../oci/index.js';
import { factsOf, type BlobRecord } from './blobs.js';
import { rehash } from './intake.js';
import { keys, lastPart } from './keys.js';
import { decodeManifest } from './manifest-record.js';
import { scan, scanKeys } from './records.js';
import type { Store } from './store.js';
import type { TagRecord } from './tags.js';
import { decode } from './values.js';

/** One thing that is not as it should be. */
export interface Damage {
  readonly kind: 'blob' | 'manifest' | 'tag' | 'link';
  readonly repository?: string;
  /** The digest or tag. */
  readonly name: string;
  readonly problem: string;
}

export interface ScrubReport {
  readonly blobs: number;
  readonly manifests: number;
  readonly tags: number;
  /** Bytes that were read and hashed. */
  readonly bytes: number;
  readonly damaged: readonly Damage[];
  /** Damaged blobs that were taken out of every repository, so that the next push brings them again. */
  readonly removed: number;
}

export interface ScrubOptions {
  /** Take damaged blobs out. Default false. */
  readonly remove?: boolean;
  readonly signal?: AbortSignal;
  /** Told after each blob and manifest. */
  readonly onProgress?: (done: { readonly checked: number; readonly bytes: number }) => void;
}

/**
 * Reads everything again: each blob and manifest must have the digest it is known by, each tag must lead to a manifest,
 * each link to a blob. Requests go on meanwhile; what is deleted during the run is not damage.
 */
export async function scrub(store: Store, options: ScrubOptions = {}): Promise<ScrubReport> {
  const report = { blobs: 0, manifests: 0, tags: 0, bytes: 0, damaged: [] as Damage[], removed: 0 };
  const { records } = store.core;
  const step = (): void => {
    options.signal?.throwIfAborted();
    options.onProgress?.({ checked: report.blobs + report.manifests, bytes: report.bytes });
  };
  for await (const key of scanKeys(records, keys.blobs)) {
    const digest = lastPart(key) as Digest;
    const size = await checkBlob(store, digest, report.damaged);
    if (size === undefined) report.removed += options.remove === true ? await removeBlob(store, digest) : 0;
    report.blobs++;
    report.bytes += size ?? 0;
    step();
  }
  for await (const repository of store.repositories.list()) {
    for await (const [key, value] of scan(records, keys.manifests(repository))) {
      const problem = checkManifest(lastPart(key) as Digest, value);
      if (problem !== undefined)
        report.damaged.push({ kind: 'manifest', repository, name: lastPart(key), problem });
      report.manifests++;
      report.bytes += value.byteLength;
      step();
    }
    report.tags += await checkTags(store, repository, report.damaged);
    await checkLinks(store, repository, report.damaged);
  }
  return report;
}

/** The size of a blob whose bytes are right; otherwise undefined, and the damage is noted. */
async function checkBlob(store: Store, digest: Digest, damaged: Damage[]): Promise<number | undefined> {
  const record = await store.blobs.record(digest);
  if (record === undefined) return 0;
  let problem: string | undefined;
  try {
    const content = await store.blobs.open(digest, factsOf(record), { start: 0, end: record.size - 1 });
    const actual =
      content === undefined
        ? undefined
        : content instanceof Uint8Array
          ? digestOf(content, algorithmOf(digest))
          : (await rehash(content, algorithmOf(digest))).digest();
    if (actual === undefined) problem = 'its bytes are missing';
    else if (actual !== digest) problem = `its bytes have digest ${actual}`;
  } catch (error) {
    problem = `its bytes cannot be read: ${(error as Error).message}`;
  }
  if (problem === undefined) return record.size;
  if (!(await isCurrent(store, digest, record))) return 0;
  damaged.push({ kind: 'blob', name: digest, problem });
  return undefined;
}

/** False when the blob was deleted or stored anew since the record was read. */
async function isCurrent(store: Store, digest: Digest, record: BlobRecord): Promise<boolean> {
  const now = await store.blobs.record(digest);
  return now !== undefined && now.location === record.location;
}

async function removeBlob(store: Store, digest: Digest): Promise<number> {
  for await (const key of scanKeys(store.core.records, keys.owners(digest))) {
    const repo = lastPart(key);
    while (
      !(await store.blobs.unlink(repo, digest, await store.core.records.get(keys.lease(repo, digest))))
    ) {
      if ((await store.core.records.get(keys.link(repo, digest))) === undefined) break;
    }
  }
  return 1;
}

function checkManifest(digest: Digest, value: Uint8Array): string | undefined {
  try {
    const { bytes, mediaType } = decodeManifest(value);
    const actual = digestOf(bytes, algorithmOf(digest));
    if (actual !== digest) return `its bytes have digest ${actual}`;
    childrenOf(parseManifest(bytes, mediaType));
    return undefined;
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  }
}

async function checkTags(store: Store, repository: string, damaged: Damage[]): Promise<number> {
  const { records } = store.core;
  let count = 0;
  for await (const [key, value] of scan(records, keys.tags(repository))) {
    count++;
    const { digest } = decode<TagRecord>(value);
    if ((await records.get(keys.manifest(repository, digest))) !== undefined) continue;
    const now = await store.tags.get(repository, lastPart(key));
    if (now?.digest !== digest) continue;
    damaged.push({
      kind: 'tag',
      repository,
      name: lastPart(key),
      problem: `it leads to ${digest}, which is not there`,
    });
  }
  return count;
}

async function checkLinks(store: Store, repository: string, damaged: Damage[]): Promise<void> {
  const { records } = store.core;
  for await (const key of scanKeys(records, keys.links(repository))) {
    if ((await records.get(keys.blob(lastPart(key) as Digest))) !== undefined) continue;
    if ((await records.get(key)) === undefined) continue;
    damaged.push({
      kind: 'link',
      repository,
      name: lastPart(key),
      problem: 'the blob it leads to is not there',
    });
  }
}
