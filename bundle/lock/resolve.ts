import { intersects } from 'semver';
import { OciError, Slots, isOciError, quote, type CallOptions, type Digest } from '../../oci/index.js';
import { formatPinned, type ImagesLock, type LockedImage } from '../locks/index.js';
import { fetchWanted, type Found, type Place, type Places } from '../places.js';
import { Expansion, type Item } from '../read/graph.js';
import { ID_ANNOTATION, RANGE_ANNOTATION, TAG_ANNOTATION } from './annotations.js';
import { chooseFrom, tagsOf, type Wish } from './choose.js';
import {
  conflictError,
  conflictsIn,
  describeConflict,
  nameOfPlace,
  nestedConstraints,
  ownConstraints,
  type Constraint,
} from './nested.js';
import type { WantedImage } from './wanted.js';

/** How images are pinned. */
export interface ResolveOptions extends CallOptions {
  /** What messages call the list. Default `this list`. */
  readonly name?: string;
  /** Images looked at at once. Default 8. */
  readonly concurrency?: number;
  /** Each list has its own version where bundles contradict each other; `onNotice` hears of it. Default false: an error. */
  readonly allowConflicts?: boolean;
  readonly onNotice?: (notice: string) => void;
}

/** An image with its digest. */
export interface ResolvedImage {
  readonly wanted: WantedImage;
  /** The tag that was asked for, or chosen. */
  readonly tag?: string;
  readonly digest: Digest;
}

/** Times that what bundles want may change which bundles are chosen. */
const ROUNDS = 8;

/**
 * Pins images: tags by what they lead to now, ranges by the highest version in them. Where images are bundles, the ranges that
 * their own lists were pinned by count as well: one version is chosen that suits all, or the contradiction is named.
 * @returns in the order of `wanted`
 * @throws OciError `MANIFEST_UNKNOWN` for what is not there, `CONTENT_INVALID` for bundles that contradict each other, and
 * what the registries answer
 */
export async function resolveImages(
  places: Places,
  wanted: readonly WantedImage[],
  options: ResolveOptions = {},
): Promise<readonly ResolvedImage[]> {
  return await new Resolution(places, wanted, options).run();
}

class Resolution {
  readonly #places: Places;
  readonly #wanted: readonly WantedImage[];
  readonly #options: ResolveOptions;
  readonly #call: CallOptions;
  readonly #slots: Slots;
  readonly #own: readonly Constraint[];
  readonly #expansion: Expansion;
  readonly #tags = new Map<string, Promise<readonly string[]>>();
  readonly #found = new Map<string, Promise<Found>>();
  readonly #told = new Set<string>();

  constructor(places: Places, wanted: readonly WantedImage[], options: ResolveOptions) {
    const { name = 'this list', concurrency = 8, signal } = options;
    this.#places = places;
    this.#wanted = wanted;
    this.#options = options;
    this.#call = signal === undefined ? {} : { signal };
    this.#slots = new Slots(concurrency);
    this.#own = ownConstraints(wanted, name);
    this.#expansion = new Expansion(places, { ...this.#call, concurrency });
  }

  async run(): Promise<readonly ResolvedImage[]> {
    let nested: readonly Constraint[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const given = nested;
      // oxlint-disable-next-line no-await-in-loop -- what is chosen decides what comes next
      const pinned = await allOf(this.#wanted.map((one) => this.#one(one, given)));
      // oxlint-disable-next-line no-await-in-loop
      const items = await Promise.all(pinned.map(({ found }) => this.#expansion.add(found)));
      nested = this.#checked(items);
      if (sameConstraints(nested, given)) return pinned.map(({ resolved }) => resolved);
    }
    throw new OciError(
      'CONTENT_INVALID',
      `The bundles in the list choose each other's versions in turn, without an end: pin one of them by its tag`,
    );
  }

  /** What bundles want of all others; what nobody can have is an error, or left to each of them. */
  #checked(items: readonly Item[]): readonly Constraint[] {
    const nested = nestedConstraints(items);
    const conflicts = conflictsIn([...this.#own, ...nested]);
    if (conflicts.length === 0) return nested;
    if (this.#options.allowConflicts !== true) throw conflictError(conflicts);
    for (const text of conflicts.map(describeConflict)) {
      if (!this.#told.has(text)) this.#options.onNotice?.(`each has its own version of ${text}`);
      this.#told.add(text);
    }
    const apart = new Set(conflicts.map(({ repository }) => repository));
    return nested.filter(({ repository }) => !apart.has(repository));
  }

  async #one(
    wanted: WantedImage,
    nested: readonly Constraint[],
  ): Promise<{ readonly resolved: ResolvedImage; readonly found: Found }> {
    const release = await this.#slots.take(this.#options.signal);
    try {
      const tag = wanted.tag ?? (await this.#choose(wanted, nested));
      const { place } = wanted;
      const found = await this.#find(place, wanted.digest ?? tag ?? 'latest', wanted.digest);
      const { digest } = found.descriptor;
      if (!digest.startsWith('sha256:'))
        throw new OciError('UNSUPPORTED', `Lock files name images by sha256, and this is ${quote(digest)}`);
      return { found, resolved: { wanted, digest, ...(tag !== undefined && { tag }) } };
    } catch (cause) {
      if (!isOciError(cause)) throw cause;
      throw new OciError(cause.code, `${wanted.where}: ${cause.message}`, { cause, detail: cause.detail });
    } finally {
      release();
    }
  }

  async #choose(
    { place, range, where }: WantedImage,
    nested: readonly Constraint[],
  ): Promise<string | undefined> {
    if (range === undefined) return undefined;
    const name = nameOfPlace(place);
    const tags = this.#tags.get(name) ?? tagsOf(this.#places.repository(place), this.#call);
    this.#tags.set(name, tags);
    // A list may want a repository in two versions; each is held to what it can meet.
    const others: readonly Wish[] = nested.filter(
      (one) => one.repository === name && intersects(one.range, range),
    );
    return chooseFrom(await tags, name, [{ range, by: others.length === 0 ? '' : where }, ...others]);
  }

  /** Asked once, however many call it by different names, and in however many rounds. */
  #find(place: Place, tag: string, digest: Digest | undefined): Promise<Found> {
    const key = `${nameOfPlace(place)} ${tag}`;
    const found =
      this.#found.get(key) ??
      fetchWanted(this.#places, { ...place, ...(digest === undefined ? { tag } : { digest }) }, this.#call);
    this.#found.set(key, found);
    return found;
  }
}

/** All of them; when some fail, one error that names each. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const [first] = failures;
  if (failures.length > 1 && isOciError(first) && failures.every((failure) => isOciError(failure))) {
    const texts = failures.map(({ message }) => message);
    throw new OciError(first.code, texts.join('; '), { cause: first, detail: { failures: texts } });
  }
  if (failures.length > 0) throw first;
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

const sameConstraints = (a: readonly Constraint[], b: readonly Constraint[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** An entry of a list for an image that was pinned. */
export function lockedImage({ wanted: { id, place, range }, tag, digest }: ResolvedImage): LockedImage {
  return {
    image: formatPinned({ ...place, digest }),
    annotations: {
      [ID_ANNOTATION]: id,
      ...(range !== undefined && { [RANGE_ANNOTATION]: range }),
      ...(tag !== undefined && { [TAG_ANNOTATION]: tag }),
    },
  };
}

/** A list of images that were pinned, in their order. */
export const lockOfResolved = (resolved: readonly ResolvedImage[]): ImagesLock => ({
  images: resolved.map(lockedImage),
});
