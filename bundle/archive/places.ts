import { OciError, type CallOptions } from '../../oci/index.js';
import type { Source } from '../../image/media.js';
import type { CopyItem } from '../copy/set.js';
import { parsePinned, type PinnedReference } from '../locks/index.js';
import type { Finder, Found } from '../places.js';
import { gatherArchive } from './read.js';

/** An archive to look for things in, as in registries. */
export interface ArchivePlaces {
  readonly places: Finder;
  /** What is meant in it: the bundle that lists the rest, or the only image. */
  readonly root: PinnedReference;
  readonly isBundle: boolean;
}

/**
 * An archive in place of the registries that it is from. Nothing that it lists counts as being in a repository: it may be
 * on its way to another one.
 * @throws OciError `INVALID_OPTION` where several things are there and none is meant, and as `gatherArchive`
 */
export async function archivePlaces(source: Source, options: CallOptions = {}): Promise<ArchivePlaces> {
  const set = await gatherArchive(source, options);
  const root = rootOf(set, source);
  const named = new Map<string, CopyItem>();
  for (const item of set.items) {
    if (item.tag !== undefined) named.set(item.tag, item);
    named.set(item.descriptor.digest, item);
  }
  const find: Finder['find'] = async (_place, reference) => {
    const item = named.get(reference);
    return await Promise.resolve(item && foundOf(item));
  };
  const get: Finder['get'] = async (place, reference) => {
    const found = await find(place, reference);
    if (found !== undefined) return found;
    throw new OciError('MANIFEST_UNKNOWN', `${source.name} does not have ${reference}`);
  };
  return {
    places: { find, get, has: async () => false },
    root: parsePinned(root.reference),
    isBundle: root.listed !== undefined,
  };
}

function foundOf({ reference, descriptor, source }: CopyItem): Found {
  const { registry, repository } = parsePinned(reference);
  return { place: { registry, repository }, descriptor, source };
}

/** What is meant in an archive. Throws OciError `INVALID_OPTION`. */
export function rootOf(
  { items, root }: { readonly items: readonly CopyItem[]; readonly root?: CopyItem },
  source: Source,
): CopyItem {
  const top = root ?? (items.length === 1 ? items[0] : undefined);
  if (top !== undefined) return top;
  throw new OciError(
    'INVALID_OPTION',
    `${source.name} holds ${items.length} images and no bundle that contains them: ` +
      items.map(({ reference }) => reference).join(', '),
  );
}
