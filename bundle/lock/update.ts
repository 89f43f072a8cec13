import { isOciError, type Digest } from '../../oci/index.js';
import { formatPinned, parsePinned, type ImagesLock, type LockedImage } from '../locks/index.js';
import type { Places } from '../places.js';
import { ID_ANNOTATION, RANGE_ANNOTATION, TAG_ANNOTATION } from './annotations.js';
import { resolveImages, type ResolveOptions, type ResolvedImage } from './resolve.js';
import { wantedImage, type WantedImage } from './wanted.js';

/** An entry of a list that leads elsewhere now. */
export interface LockMove {
  /** What the image was called, or its repository. */
  readonly id: string;
  readonly from: { readonly image: string; readonly digest: Digest; readonly tag?: string };
  readonly to: { readonly image: string; readonly digest: Digest; readonly tag?: string };
}

/** A list that was brought up to date. */
export interface UpdatedLock {
  readonly lock: ImagesLock;
  readonly moves: readonly LockMove[];
}

/**
 * Asks again what the images of a list were pinned by: a range, a tag, or what kbld noted they were called. Those that
 * were named by a digest stay; that they are still there is checked.
 * @throws OciError as `resolveImages`
 */
export async function updateLock(
  places: Places,
  lock: ImagesLock,
  options: ResolveOptions = {},
): Promise<UpdatedLock> {
  const { name = 'the list' } = options;
  const wanted = lock.images.map((entry, at) => wantedAgain(entry, `${name}: images[${at}]`));
  const resolved = await resolveImages(places, wanted, options);
  const updated = lock.images.map((entry, at) => updatedEntry(entry, resolved[at]));
  return {
    lock: { images: updated.map(({ entry }) => entry) },
    moves: updated.flatMap(({ move }) => (move === undefined ? [] : [move])),
  };
}

/** By what an entry is looked for again, at the place that its id names: a list that was relocated knows it still. */
function wantedAgain({ image, annotations = {} }: LockedImage, where: string): WantedImage {
  const pinned = parsePinned(image);
  const { digest } = pinned;
  const own = { registry: pinned.registry, repository: pinned.repository };
  const { [ID_ANNOTATION]: id, [RANGE_ANNOTATION]: range, [TAG_ANNOTATION]: tag } = annotations;
  const said = id === undefined ? undefined : readId(id, where);
  const base = { id: id ?? `${own.registry}/${own.repository}`, where, place: said?.place ?? own };
  if (range !== undefined) return { ...base, range };
  if (tag !== undefined) return { ...base, tag };
  if (said !== undefined && said.digest === undefined) return said;
  return { ...base, place: own, digest };
}

/** Ids may be anything. */
function readId(id: string, where: string): WantedImage | undefined {
  try {
    return wantedImage(id, where);
  } catch (error) {
    if (isOciError(error)) return undefined;
    throw error;
  }
}

function updatedEntry(
  entry: LockedImage,
  resolved: ResolvedImage | undefined,
): { readonly entry: LockedImage; readonly move?: LockMove } {
  const before = parsePinned(entry.image).digest;
  const { annotations = {} } = entry;
  const noted = annotations[TAG_ANNOTATION];
  if (resolved === undefined || (resolved.digest === before && (noted ?? resolved.tag) === resolved.tag))
    return { entry };
  const { wanted, digest, tag } = resolved;
  // What stays what it is stays where it is.
  const image = digest === before ? entry.image : formatPinned({ ...wanted.place, digest });
  const fresh = noted === undefined || tag === undefined ? {} : { [TAG_ANNOTATION]: tag };
  return {
    entry: { image, ...(entry.annotations && { annotations: { ...annotations, ...fresh } }) },
    move: {
      id: wanted.id,
      from: { image: entry.image, digest: before, ...(noted !== undefined && { tag: noted }) },
      to: { image, digest, ...(tag !== undefined && { tag }) },
    },
  };
}

/** Characters of a digest that people compare. */
const SHORT = 'sha256:'.length + 12;

/** What moved as lines for people; none when nothing did. */
export function movesAsText(moves: readonly LockMove[]): readonly string[] {
  return moves.map(({ id, from, to }) => {
    const tag = to.tag === undefined ? '' : `  ${arrow(from.tag ?? to.tag, to.tag)}`;
    return `~ ${id}${tag}  ${arrow(from.digest.slice(0, SHORT), to.digest.slice(0, SHORT))}`;
  });
}

const arrow = (from: string, to: string): string => (from === to ? to : `${from} → ${to}`);
