import type { CopySet, Inventory } from '../../bundle/index.js';
import type { ArchiveSource } from '../../image/archive/index.js';
import type { Source } from '../../image/media.js';
import { isOciError, type Digest, type Reference } from '../../oci/index.js';
import type { Work } from './work.js';

/**
 * The inventory of `--have`. Bundles and images that stand in it by their digests are looked for where the set is from, and
 * what is in them counts.
 * @throws OciError as `readInventory`, and what the registries answer
 */
export async function readHave(work: Work, set: CopySet, path: string): Promise<Inventory> {
  const { inventoryOf, mergeInventories, readInventory } = await import('../../bundle/index.js');
  const { signal } = work;
  const inventory = await readInventory(path, { signal });
  const [first] = set.items;
  const repository = (set.root ?? first)?.reference.split('@', 1)[0];
  if (repository === undefined) return inventory;
  const found: Inventory[] = [inventory];
  for (const digest of inventory.bundles) {
    const known = await gatherKnown(work, repository, digest);
    if (known === undefined)
      work.ui.notice(
        `copy | ${digest} of the inventory is not in ${repository}: what is in it is packed again`,
      );
    const places = (known?.items ?? []).map(({ source, descriptor }) => ({ source, roots: [descriptor] }));
    found.push({ ...(await inventoryOf(places, { signal })), of: [] });
  }
  return mergeInventories(found);
}

/** A bundle with all that it lists, or an image; undefined when it is not there. */
async function gatherKnown(
  { places, signal }: Work,
  repository: string,
  digest: Digest,
): Promise<CopySet | undefined> {
  const { gatherBundle, gatherImage, parseWanted } = await import('../../bundle/index.js');
  const wanted: Reference = parseWanted(`${repository}@${digest}`);
  try {
    return await gatherBundle(places, wanted, { signal });
  } catch (error) {
    if (isOciError(error, 'MANIFEST_UNKNOWN')) return undefined;
    // No bundle.
    if (isOciError(error, 'INVALID_OPTION')) return await gatherImage(places, wanted, { signal });
    throw error;
  }
}

/**
 * Opens the archive of `--tar` when all of it is right and, if it is a differential one, its base is where it goes.
 * @returns the archive, and it together with its base
 * @throws OciError `CONTENT_INVALID`, `PRECONDITION_FAILED`
 */
export async function openTar(
  work: Work,
  tar: string,
  toRepo: string,
): Promise<{ readonly archive: ArchiveSource; readonly source: Source }> {
  const { openVerifiedArchive } = await import('../../image/archive/index.js');
  const { parseRepositoryReference, requireBase, withBase } = await import('../../bundle/index.js');
  const call = { signal: work.signal };
  const { source: archive, report } = await openVerifiedArchive(tar, call);
  if (report.base === undefined) return { archive, source: archive };
  try {
    const { remoteSource } = await import('../../client/index.js');
    const { repository, sink } = await work.sink(parseRepositoryReference(toRepo));
    await requireBase(report.base, sink, call);
    return { archive, source: withBase(archive, [remoteSource(repository)]) };
  } catch (error) {
    await archive.close();
    throw error;
  }
}
