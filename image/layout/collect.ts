import { lstat, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DIGEST_ALGORITHMS,
  MANIFEST_LIMIT,
  collect,
  isDigest,
  isObject,
  verified,
  type CallOptions,
  type Digest,
} from '../../oci/index.js';
import { ifThere } from './files.js';
import { LayoutFolder } from './folder.js';
import { parseIndexFile } from './index-file.js';
import { withLock } from './lock.js';
import { Workplace, checkWorkFolder, clearWorkplaces, lockOf } from './workplace.js';

/** What a collection did. */
export interface LayoutGcReport {
  /** Blobs that were taken away. */
  readonly removed: readonly Digest[];
  /** Their bytes. */
  readonly bytes: number;
  /** Blobs that stay. */
  readonly kept: number;
}

/**
 * Takes away the blobs of a layout that its index does not lead to, and what writers left half-written. Whatever a
 * JSON document that is reached names by a `digest` stays, so artifacts of any kind are whole after it. What a living
 * writer has put or counts on stays too.
 * @throws OciError `DIGEST_MISMATCH` for a damaged document, whose content would be lost (nothing is taken away then);
 * `INVALID_OPTION` for a folder that is no layout, `CONTENT_INVALID`, `STORE_LOCKED`
 */
export async function layoutGc(folder: string, options: CallOptions = {}): Promise<LayoutGcReport> {
  const layout = await LayoutFolder.at(folder, undefined);
  await layout.check(options);
  await checkWorkFolder(folder);
  const lock = lockOf(folder);
  return await withLock(
    lock,
    async () => {
      // A writer that begins from now on finds nothing older than the lock taken away.
      const now = (await stat(lock)).mtimeMs;
      const since = Math.min(now, await clearWorkplaces(folder));
      const marked = await mark(layout, options);
      return await sweep(layout, marked, since, options);
    },
    options,
  );
}

/** Everything that the index leads to. */
async function mark(layout: LayoutFolder, options: CallOptions): Promise<ReadonlySet<Digest>> {
  const { document } = parseIndexFile(await layout.index(options), layout.name);
  const marked = new Set<Digest>();
  const waiting = [...digestsIn(document)];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (marked.has(digest)) continue;
    marked.add(digest);
    // oxlint-disable-next-line no-await-in-loop -- what comes next stands in it
    waiting.push(...digestsIn(await documentOf(layout, digest, options)));
  }
  return marked;
}

/** A blob that is JSON; undefined for any other one, and for one that is not there. */
async function documentOf(layout: LayoutFolder, digest: Digest, options: CallOptions): Promise<unknown> {
  const size = await layout.size(digest);
  if (size === undefined || size > MANIFEST_LIMIT) return undefined;
  const first = await collect(layout.read(digest, 0, 1, options), 1, digest);
  if (first[0] !== '{'.charCodeAt(0)) return undefined;
  const what = `${digest} of ${layout.name}`;
  const bytes = await collect(
    verified(layout.read(digest, 0, size, options), digest, size, what),
    size,
    what,
  );
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Every value of a `digest`, however deep (and of schema 1's `blobSum`). */
function* digestsIn(document: unknown): Generator<Digest> {
  const waiting: unknown[] = [document];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (Array.isArray(value)) for (const entry of value) waiting.push(entry);
    if (!isObject(value)) continue;
    for (const [key, entry] of Object.entries(value)) {
      if (typeof entry === 'object') waiting.push(entry);
      if ((key === 'digest' || key === 'blobSum') && typeof entry === 'string' && isDigest(entry))
        yield entry;
    }
  }
}

async function sweep(
  layout: LayoutFolder,
  marked: ReadonlySet<Digest>,
  since: number,
  { signal }: CallOptions,
): Promise<LayoutGcReport> {
  const removed: Digest[] = [];
  let bytes = 0;
  let kept = 0;
  const workplace = await Workplace.open(layout.path);
  try {
    for (const algorithm of DIGEST_ALGORITHMS) {
      // oxlint-disable-next-line no-await-in-loop -- two of them
      const names = (await ifThere(readdir(join(layout.path, 'blobs', algorithm)))) ?? [];
      for (const digest of names.map((name) => `${algorithm}:${name}`).filter((name) => isDigest(name))) {
        signal?.throwIfAborted();
        // oxlint-disable-next-line no-await-in-loop -- bound by the disk
        const size = marked.has(digest)
          ? undefined
          : await remove(layout.blobs.path(digest), since, workplace);
        if (size === undefined) {
          kept++;
          continue;
        }
        removed.push(digest);
        bytes += size;
      }
    }
  } finally {
    await workplace.close();
  }
  return { removed, bytes, kept };
}

/**
 * Takes a file away unless it was used since; returns its size then. It is moved first: a writer that touches it before
 * is seen here, and one that comes after does not find it.
 */
async function remove(path: string, since: number, workplace: Workplace): Promise<number | undefined> {
  if ((await lstat(path)).mtimeMs >= since) return undefined;
  const away = workplace.file();
  await rename(path, away);
  const { mtimeMs, size } = await lstat(away);
  if (mtimeMs >= since) {
    await rename(away, path);
    return undefined;
  }
  await rm(away, { recursive: true, force: true });
  return size;
}
