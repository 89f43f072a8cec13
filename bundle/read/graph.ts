import { Slots, type CallOptions, type Digest } from '../../oci/index.js';
import { parsePinned, formatPinned, type LockedImage } from '../locks/index.js';
import { fetchWanted, type Found, type Place, type Finder } from '../places.js';
import { bundleFrom, imagesOf } from './bundle.js';

/** An image, an index or a bundle that was found. */
export interface Item {
  readonly found: Found;
  /** `repository@digest`, where it was found. */
  readonly reference: string;
  /** As lists of images spell it: where it came from at first. Several when lists differ; none for the root. */
  readonly origins: readonly string[];
  /** The tag that it was asked for by. */
  readonly tag?: string;
  /** What a bundle lists, in its order; undefined for what is no bundle. */
  readonly images?: readonly ListedItem[];
}

/** An entry of a bundle's list, and what it leads to. */
export interface ListedItem {
  readonly locked: LockedImage;
  readonly item: Item;
}

/** How a graph is gone through. */
export interface ExpandOptions extends CallOptions {
  /**
   * Where images are looked for first: in the bundle's own repository, as imgpkg does; or, to ask less, at the place that the
   * list names when it is of the same registry. Default `own`.
   */
  readonly first?: 'own' | 'near';
  /** Images looked at once. Default 8. */
  readonly concurrency?: number;
}

type Draft = { -readonly [K in keyof Item]: Item[K] } & { origins: string[] };

/**
 * Goes through bundles in bundles, each manifest once, in parallel.
 */
export class Expansion {
  readonly #places: Finder;
  readonly #options: ExpandOptions;
  readonly #call: CallOptions;
  readonly #slots: Slots;
  /** By digest: the same thing of two places is one thing. */
  readonly #items = new Map<Digest, Promise<Draft>>();
  readonly #done: Draft[] = [];

  constructor(places: Finder, options: ExpandOptions = {}) {
    this.#places = places;
    this.#options = options;
    this.#call = options.signal === undefined ? {} : { signal: options.signal };
    this.#slots = new Slots(options.concurrency ?? 8);
  }

  /** Everything that was found, sorted by reference. */
  get items(): readonly Item[] {
    return this.#done.toSorted((a, b) => Buffer.compare(Buffer.from(a.reference), Buffer.from(b.reference)));
  }

  /**
   * Takes in what was found, and all that it lists if it is a bundle.
   * @throws OciError of the registries, `CONTENT_INVALID` for lists that are none
   */
  async add(found: Found, { tag }: { readonly tag?: string | undefined } = {}): Promise<Item> {
    const { digest } = found.descriptor;
    const known = this.#items.get(digest);
    const draft = await (known ?? this.#enter(digest, () => Promise.resolve(found)));
    if (tag !== undefined) draft.tag = tag;
    return draft;
  }

  /** Takes in an image of a list without a bundle around it: an ImagesLock of its own. */
  async addLocked(locked: readonly LockedImage[]): Promise<readonly ListedItem[]> {
    return await Promise.all(locked.map((image) => this.#listed(image, undefined)));
  }

  #enter(digest: Digest, find: () => Promise<Found>): Promise<Draft> {
    const draft = this.#read(find);
    this.#items.set(digest, draft);
    return draft;
  }

  async #read(find: () => Promise<Found>): Promise<Draft> {
    const release = await this.#slots.take(this.#options.signal);
    let draft: Draft;
    let list: readonly LockedImage[] | undefined;
    try {
      const found = await find();
      const { place, descriptor, source } = found;
      const { digest } = descriptor;
      draft = { found, reference: formatPinned({ ...place, digest }), origins: [] };
      const bundle = await bundleFrom(source, descriptor, this.#call);
      list = bundle === undefined ? undefined : (await imagesOf(bundle, this.#call)).images;
    } finally {
      release();
    }
    this.#done.push(draft);
    if (list !== undefined)
      draft.images = await Promise.all(list.map((locked) => this.#listed(locked, draft)));
    return draft;
  }

  async #listed(locked: LockedImage, bundle: Draft | undefined): Promise<ListedItem> {
    const { digest } = parsePinned(locked.image);
    const known = this.#items.get(digest);
    const item = await (known ?? this.#enter(digest, () => this.#find(locked.image, bundle?.found.place)));
    if (!item.origins.includes(locked.image)) item.origins.push(locked.image);
    return { locked, item };
  }

  async #find(image: string, own: Place | undefined): Promise<Found> {
    const { digest, ...written } = parsePinned(image);
    const there = own === undefined || samePlace(own, written);
    const near = this.#options.first === 'near' && own?.registry === written.registry;
    const candidates = there ? [] : near ? [written] : [own];
    for (const place of candidates) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const found = await this.#places.find(place, digest, this.#call);
      if (found !== undefined) return found;
    }
    const last = near && !there ? own : written;
    return await fetchWanted(this.#places, { ...last, digest }, this.#call);
  }
}

const samePlace = (a: Place, b: Place): boolean => a.registry === b.registry && a.repository === b.repository;
