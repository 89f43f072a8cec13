import {
  OciError,
  childrenOf,
  isIndexType,
  isManifestType,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Reference,
} from '../../oci/index.js';
import { responseDetail } from '../../client/index.js';
import { readManifest } from '../../image/read.js';
import type { Origin, Source } from '../../image/media.js';
import {
  formatPinned,
  parsePinned,
  type BundleLock,
  type ImageLocation,
  type ImagesLock,
} from '../locks/index.js';
import { signatureTag } from '../names.js';
import { fetchWanted, type Places } from '../places.js';
import { bundleFrom } from '../read/bundle.js';
import { Expansion, type ExpandOptions, type Item } from '../read/graph.js';

/** One of the things that are copied: an image, an index, a bundle, a signature. */
export interface CopyItem {
  readonly descriptor: Descriptor;
  /** What it is read from. */
  readonly source: Source;
  /** `repository@digest`, where it is read from, or was when it went into an archive. */
  readonly reference: string;
  /** As lists of images spell it, or as it was asked for; of several the first. None for what no list names. */
  readonly origin?: string;
  /** The tag that it has besides the one of its digest. */
  readonly tag?: string;
  /** What a bundle lists, as it spells it; undefined for what is no bundle. */
  readonly listed?: readonly ImageLocation[];
  /** Repositories whose blobs these are too. */
  readonly origins?: readonly Origin[];
}

/** All that one copy moves. */
export interface CopySet {
  /** Sorted by reference. */
  readonly items: readonly CopyItem[];
  /** The bundle that was asked for. */
  readonly root?: CopyItem;
  /** The list that was asked for, with its annotations. */
  readonly lock?: ImagesLock;
  /** Whether it holds bundles without saying which of them is the root: an old archive. */
  readonly rootless?: boolean;
}

/** How things are gathered. */
export interface GatherOptions extends ExpandOptions {
  /** Whether cosign's signatures come along. Default false. */
  readonly signatures?: boolean;
}

/** What a bundle's name leads to is none. */
const NO_BUNDLE = 'Expected bundle image but found plain image (hint: Did you use -i instead of -b?)';

/**
 * A bundle with everything that it lists, at any depth.
 * @throws OciError `INVALID_OPTION` for what is no bundle, and what the registries answer
 */
export async function gatherBundle(
  places: Places,
  wanted: Reference,
  options: GatherOptions = {},
): Promise<CopySet> {
  const found = await fetchWanted(places, wanted, options);
  const expansion = new Expansion(places, { first: 'near', ...options });
  const root = await expansion.add(found, { tag: wanted.digest === undefined ? wanted.tag : undefined });
  if (root.images === undefined)
    throw new OciError('INVALID_OPTION', NO_BUNDLE, { detail: { reference: root.reference } });
  const items = expansion.items.map((item) => itemOf(item, item === root ? root.reference : undefined));
  const set = { items, root: items.find(({ reference }) => reference === root.reference) };
  return await withSignatures({ items, ...(set.root && { root: set.root }) }, places, options);
}

/** The bundle of a lock file. Throws as `gatherBundle`. */
export async function gatherBundleLock(
  places: Places,
  lock: BundleLock,
  options: GatherOptions = {},
): Promise<CopySet> {
  const pinned = parsePinned(lock.image);
  const set = await gatherBundle(places, pinned, options);
  if (lock.tag === undefined || set.root === undefined) return set;
  const root = { ...set.root, tag: lock.tag };
  return { ...set, root, items: set.items.map((item) => (item === set.root ? root : item)) };
}

/**
 * An image or an index.
 * @throws OciError `INVALID_OPTION` for a bundle, and what the registries answer
 */
export async function gatherImage(
  places: Places,
  wanted: Reference,
  options: GatherOptions = {},
): Promise<CopySet> {
  const found = await fetchWanted(places, wanted, options);
  if ((await bundleFrom(found.source, found.descriptor, options)) !== undefined)
    throw new OciError(
      'INVALID_OPTION',
      'Expected bundle flag when copying a bundle (hint: Use -b instead of -i for bundles)',
    );
  const { descriptor, source, place } = found;
  const reference = formatPinned({ ...place, digest: descriptor.digest });
  const tag = wanted.digest === undefined ? wanted.tag : undefined;
  const item: CopyItem = { descriptor, source, reference, ...(tag !== undefined && { tag }) };
  return await withSignatures({ items: [item], lock: { images: [{ image: reference }] } }, places, options);
}

/**
 * The images of a list.
 * @throws OciError `INVALID_OPTION` for a list with a bundle, and what the registries answer
 */
export async function gatherImagesLock(
  places: Places,
  lock: ImagesLock,
  options: GatherOptions = {},
): Promise<CopySet> {
  const expansion = new Expansion(places, { first: 'near', ...options });
  const listed = await expansion.addLocked(lock.images);
  const bundle = listed.find(({ item }) => item.images !== undefined);
  if (bundle !== undefined)
    throw new OciError(
      'INVALID_OPTION',
      `Unable to copy bundles using an Images Lock file (hint: Create a bundle with these images): ${bundle.locked.image} is one`,
    );
  const items = expansion.items.map((item) => itemOf({ ...item, origins: [] }));
  return await withSignatures({ items, lock }, places, options);
}

function itemOf({ found, reference, origins, tag, images }: Item, self?: string): CopyItem {
  const origin = origins[0] ?? self;
  const listed = images?.map(({ locked: { image }, item }) => ({
    image,
    isBundle: item.images !== undefined,
  }));
  return {
    descriptor: found.descriptor,
    source: found.source,
    reference,
    ...(origin !== undefined && { origin }),
    ...(tag !== undefined && { tag }),
    ...(listed && { listed }),
  };
}

/** Adds cosign's signatures of everything, children of indexes included. */
async function withSignatures(set: CopySet, places: Places, options: GatherOptions): Promise<CopySet> {
  if (options.signatures !== true) return set;
  const found = await Promise.all(set.items.map((item) => signaturesOf(item, places, options)));
  const known = new Set<Digest>(set.items.map(({ descriptor }) => descriptor.digest));
  const fresh = found.flat().filter(({ descriptor: { digest } }) => !known.has(digest) && known.add(digest));
  const items = [...set.items, ...fresh];
  return {
    ...set,
    items: items.toSorted((a, b) => Buffer.compare(Buffer.from(a.reference), Buffer.from(b.reference))),
  };
}

async function signaturesOf(item: CopyItem, places: Places, options: CallOptions): Promise<CopyItem[]> {
  const { registry, repository } = parsePinned(item.reference);
  const digests = await digestsOf(item.source, item.descriptor, options);
  const found = await Promise.all(
    digests.map(async (digest) => {
      const tag = signatureTag(digest);
      const { descriptor, source } = await signatureAt(places, { registry, repository }, tag, options);
      if (descriptor === undefined || source === undefined) return undefined;
      const reference = formatPinned({ registry, repository, digest: descriptor.digest });
      return { descriptor, source, reference, tag };
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** 403 is what some registries say of a tag that is not there; 401 is a mistake of whoever asks. */
async function signatureAt(
  places: Places,
  place: { readonly registry: string; readonly repository: string },
  tag: string,
  options: CallOptions,
): Promise<{ readonly descriptor?: Descriptor; readonly source?: Source }> {
  try {
    return await places.get(place, tag, options);
  } catch (error) {
    const status = responseDetail(error)?.status;
    if (status === 404 || status === 403) return {};
    throw error;
  }
}

/** A manifest, and for an index all that it lists. */
async function digestsOf(source: Source, descriptor: Descriptor, options: CallOptions): Promise<Digest[]> {
  if (!isIndexType(descriptor.mediaType)) return [descriptor.digest];
  const manifest = parseManifest(await readManifest(source, descriptor, options), descriptor.mediaType);
  const below = childrenOf(manifest).filter(({ mediaType }) => isManifestType(mediaType));
  const children = await Promise.all(below.map((child) => digestsOf(source, child, options)));
  return [descriptor.digest, ...children.flat()];
}
