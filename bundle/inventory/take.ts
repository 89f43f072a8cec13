import {
  childrenOf,
  isManifestType,
  isNonDistributable,
  isOciError,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Manifest,
} from '../../oci/index.js';
import type { ArchiveBase } from '../../image/archive/index.js';
import { forEachAtOnce } from '../../image/copy/pool.js';
import type { Source } from '../../image/media.js';
import { sourceHasBlob } from '../../image/probe.js';
import { readManifest } from '../../image/read.js';
import { EMPTY_INVENTORY, mergeInventories, type Inventory } from './format.js';

/** Something that an inventory is taken of. */
export interface InventoryPlace {
  readonly source: Source;
  /** Only these, with all below and about them. Default: everything that the place has a name for, or lists. */
  readonly roots?: readonly Descriptor[];
  /** What a differential archive relies on counts as well: who has loaded the archive has both. */
  readonly base?: ArchiveBase;
}

/** How an inventory is taken. */
export interface InventoryOptions extends CallOptions {
  /** Notes the digests of the roots only, a few bytes, for somebody who knows what is in them. Default false. */
  readonly ids?: boolean;
}

/** Roots looked at at once. */
const ROOTS = 8;

/**
 * Takes an inventory of places: all manifests that they have whole, and all blobs. A manifest in a registry is whole:
 * a registry has what its manifests list. Elsewhere each blob is looked for.
 * @throws OciError `DIGEST_MISMATCH` for damaged manifests, what the places throw
 */
export async function inventoryOf(
  places: readonly InventoryPlace[],
  options: InventoryOptions = {},
): Promise<Inventory> {
  const taken: Inventory[] = [];
  for (const place of places) {
    // Each place is looked at by several hands already.
    // oxlint-disable-next-line no-await-in-loop
    taken.push(await inventoryOfPlace(place, options));
  }
  return mergeInventories(taken);
}

async function inventoryOfPlace(
  { source, roots, base }: InventoryPlace,
  { ids = false, ...call }: InventoryOptions,
): Promise<Inventory> {
  const tops = roots ?? (await topsOf(source, call));
  const of = [source.name];
  if (ids) return { ...EMPTY_INVENTORY, of, bundles: new Set(tops.map(({ digest }) => digest)) };
  const survey = new Survey(source, base, call);
  await forEachAtOnce(tops, ROOTS, call, async (top) => void (await survey.visit(top)));
  const digests = (list: readonly Descriptor[] = []): readonly Digest[] => list.map(({ digest }) => digest);
  return {
    of,
    bundles: new Set(),
    manifests: new Set([...survey.manifests, ...digests(base?.manifests)]),
    blobs: new Set([...survey.blobs, ...digests(base?.blobs)]),
  };
}

async function topsOf(source: Source, call: CallOptions): Promise<readonly Descriptor[]> {
  const tops: Descriptor[] = [];
  if (source.roots !== undefined) {
    for await (const { descriptor } of source.roots(call)) tops.push(descriptor);
    return tops;
  }
  for await (const tag of source.tags?.(call) ?? []) {
    const descriptor = await source.resolve(tag, call);
    if (descriptor !== undefined) tops.push(descriptor);
  }
  return tops;
}

/** Goes through a place, and notes what is whole. */
class Survey {
  readonly manifests = new Set<Digest>();
  readonly blobs = new Set<Digest>();
  readonly #source: Source;
  readonly #base: ReadonlySet<Digest>;
  readonly #call: CallOptions;
  readonly #visits = new Map<Digest, Promise<boolean>>();

  constructor(source: Source, base: ArchiveBase | undefined, call: CallOptions) {
    this.#source = source;
    this.#base = new Set([...(base?.manifests ?? []), ...(base?.blobs ?? [])].map(({ digest }) => digest));
    this.#call = call;
  }

  /** Whether the place has a manifest, everything below it included. What speaks of it is looked at as well. */
  visit(descriptor: Descriptor): Promise<boolean> {
    const known = this.#visits.get(descriptor.digest);
    if (known !== undefined) return known;
    const visit = this.#look(descriptor);
    this.#visits.set(descriptor.digest, visit);
    return visit;
  }

  async #look(descriptor: Descriptor): Promise<boolean> {
    this.#call.signal?.throwIfAborted();
    const whole = this.#base.has(descriptor.digest) || (await this.#isWhole(descriptor));
    if (whole) this.manifests.add(descriptor.digest);
    for await (const referrer of this.#source.referrers?.(descriptor.digest, this.#call) ?? [])
      await this.visit(referrer);
    return whole;
  }

  async #isWhole(descriptor: Descriptor): Promise<boolean> {
    const manifest = await this.#read(descriptor);
    if (manifest === undefined) return false;
    let whole = true;
    for (const child of childrenOf(manifest)) {
      // oxlint-disable-next-line no-await-in-loop -- other roots are looked at meanwhile
      if (!(await this.#has(child))) whole = false;
    }
    return whole;
  }

  async #has(child: Descriptor): Promise<boolean> {
    if (isManifestType(child.mediaType)) return await this.visit(child);
    if (this.blobs.has(child.digest) || this.#base.has(child.digest)) return true;
    const foreign = isNonDistributable(child.mediaType);
    // Registries are believed, but not on layers that they may never have been given.
    const there =
      (this.#source.origin !== undefined && !foreign) ||
      (await sourceHasBlob(this.#source, withoutUrls(child), this.#call));
    if (there) this.blobs.add(child.digest);
    return there || foreign;
  }

  /** Undefined for what is not there, or is no manifest that is known here. */
  async #read(descriptor: Descriptor): Promise<Manifest | undefined> {
    try {
      return parseManifest(await readManifest(this.#source, descriptor, this.#call), descriptor.mediaType);
    } catch (error) {
      if (['MANIFEST_INVALID', 'MANIFEST_UNKNOWN', 'UNSUPPORTED'].some((code) => isCode(error, code)))
        return undefined;
      throw error;
    }
  }
}

const isCode = (error: unknown, code: string): boolean => isOciError(error) && error.code === code;

/** What lies elsewhere is not here. */
function withoutUrls({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/**
 * What is in the bundles of an inventory that stand there by their digests only, as far as a source has them.
 * @returns the inventory with all of that; `unknown` are those that the source does not have
 */
export async function expandInventory(
  inventory: Inventory,
  source: Source,
  options: CallOptions = {},
): Promise<{ readonly inventory: Inventory; readonly unknown: readonly Digest[] }> {
  const roots: Descriptor[] = [];
  const unknown: Digest[] = [];
  for (const digest of inventory.bundles) {
    // oxlint-disable-next-line no-await-in-loop -- a few
    const found = await source.resolve(digest, options);
    if (found === undefined) unknown.push(digest);
    else roots.push(found);
  }
  const below = await inventoryOf([{ source, roots }], options);
  const all = mergeInventories([inventory, below]);
  return { inventory: { ...all, of: inventory.of, bundles: new Set(unknown) }, unknown };
}
