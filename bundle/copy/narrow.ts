import {
  OciError,
  childrenOf,
  isIndexType,
  isManifestType,
  isObject,
  isStringMap,
  parseJson,
  parseManifest,
  streamOf,
  type CallOptions,
  type Digest,
  type Platform,
} from '../../oci/index.js';
import { narrow, withManifests } from '../../image/copy/narrow.js';
import { flattenedEntries } from '../../image/files/index.js';
import { readManifest } from '../../image/read.js';
import { readTar, type TarEntry } from '../../image/tar/index.js';
import type { ImageView } from '../../image/views/image.js';
import { sourceOf } from '../../image/views/source.js';
import { formatPinned, parsePinned, printImagesLock, type ImagesLock } from '../locks/index.js';
import { packImage, type PackedImage } from '../push/image.js';
import { IMAGES_PATH, bundleFrom, imagesOf } from '../read/bundle.js';
import type { CopyItem, CopySet } from './set.js';

/** A set of some platforms. */
export interface NarrowedSet {
  readonly set: CopySet;
  /** How many indexes became smaller, and how many bundles list them. */
  readonly indexes: number;
  readonly bundles: number;
  /** Takes away what was made of bundles. */
  readonly close: () => Promise<void>;
}

/**
 * Takes from every index of a set what runs on some platforms. A digest is of all that an index lists: with less in it, it
 * has another, or is the one image that is left. So bundles that list it are made anew, with lists that name what is there; all
 * else stays. The same set and platforms give the same digests.
 * @throws OciError `MANIFEST_UNKNOWN` for an index that has nothing for a platform, naming it and what it has
 */
export async function narrowSet(
  set: CopySet,
  platforms: readonly Platform[],
  options: CallOptions = {},
): Promise<NarrowedSet> {
  const narrowing = new Narrowing(set, platforms, options);
  try {
    return await narrowing.run();
  } catch (error) {
    await narrowing.close();
    throw error;
  }
}

class Narrowing {
  readonly #set: CopySet;
  readonly #platforms: readonly Platform[];
  readonly #call: CallOptions;
  readonly #items: ReadonlyMap<Digest, CopyItem>;
  readonly #done = new Map<Digest, Promise<CopyItem>>();
  readonly #packed: PackedImage[] = [];
  #indexes = 0;

  constructor(set: CopySet, platforms: readonly Platform[], { signal }: CallOptions) {
    this.#set = set;
    this.#platforms = platforms;
    this.#call = signal === undefined ? {} : { signal };
    this.#items = new Map(set.items.map((item) => [item.descriptor.digest, item]));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#done.values());
    await Promise.all(this.#packed.map((packed) => packed.close()));
  }

  async run(): Promise<NarrowedSet> {
    const { root, lock, ...rest } = this.#set;
    const all = await Promise.all(this.#set.items.map((item) => this.#narrowed(item)));
    const unique = [...new Map(all.map((item) => [item.descriptor.digest, item])).values()];
    const items = await this.#withoutOrphans(unique);
    const top = root && (await this.#narrowed(root)).descriptor.digest;
    const found = items.find(({ descriptor }) => descriptor.digest === top);
    return {
      set: {
        ...rest,
        items: items.toSorted((a, b) => Buffer.compare(Buffer.from(a.reference), Buffer.from(b.reference))),
        ...(found && { root: found }),
        ...(lock && { lock: await this.#narrowedLock(lock) }),
      },
      indexes: this.#indexes,
      bundles: this.#packed.length,
      close: () => this.close(),
    };
  }

  #narrowed(item: CopyItem): Promise<CopyItem> {
    const { digest } = item.descriptor;
    const known =
      this.#done.get(digest) ?? (item.listed === undefined ? this.#image(item) : this.#bundle(item));
    this.#done.set(digest, known);
    return known;
  }

  async #image(item: CopyItem): Promise<CopyItem> {
    const { descriptor, bytes } = await this.#cut(item);
    const { digest } = descriptor;
    if (digest === item.descriptor.digest) return item;
    this.#indexes += 1;
    const made = new Map(bytes === undefined ? [] : [[digest, bytes]]);
    return { ...renamed(item, digest), descriptor, source: withManifests(item.source, made) };
  }

  async #cut({ source, descriptor, reference }: CopyItem): ReturnType<typeof narrow> {
    try {
      return await narrow(source, descriptor, this.#platforms, this.#call);
    } catch (cause) {
      if (!(cause instanceof OciError)) throw cause;
      throw new OciError(cause.code, `${reference}: ${cause.message}`, { cause, detail: cause.detail });
    }
  }

  async #bundle(item: CopyItem): Promise<CopyItem> {
    const { source, descriptor, listed = [] } = item;
    const view = await bundleFrom(source, descriptor, this.#call);
    if (view === undefined) return item;
    const before = await imagesOf(view, this.#call);
    const lock = await this.#narrowedLock(before);
    if (lock.images.every(({ image }, at) => image === before.images[at]?.image)) return item;
    const packed = await packImage(entriesWith(view, lock, this.#call), {
      ...this.#call,
      labels: await labelsOf(view, this.#call),
      oci: descriptor.mediaType.includes('.oci.'),
    });
    this.#packed.push(packed);
    const made = packed.image.descriptor;
    return {
      ...renamed(item, made.digest),
      descriptor: made,
      source: sourceOf(packed.image),
      listed: lock.images.map(({ image }, at) => ({ image, isBundle: listed[at]?.isBundle === true })),
    };
  }

  async #narrowedLock({ images }: ImagesLock): Promise<ImagesLock> {
    return {
      images: await Promise.all(
        images.map(async (entry) => {
          const { digest } = parsePinned(entry.image);
          const item = this.#items.get(digest);
          const now = item === undefined ? digest : (await this.#narrowed(item)).descriptor.digest;
          return { ...entry, image: withDigest(entry.image, now) };
        }),
      ),
    };
  }

  /** Signatures of what is not carried any more are not either. */
  async #withoutOrphans(items: readonly CopyItem[]): Promise<CopyItem[]> {
    const subject = ({ tag = '' }: CopyItem): string | undefined =>
      /^sha256-([0-9a-f]{64})\.sig$/.exec(tag)?.[1];
    if (!items.some((item) => subject(item) !== undefined)) return [...items];
    const digests = await Promise.all(items.map((item) => digestsOf(item, this.#call)));
    const there = new Set<string>(digests.flat());
    return items.filter((item) => {
      const hex = subject(item);
      return hex === undefined || there.has(`sha256:${hex}`);
    });
  }
}

const withDigest = (reference: string, digest: Digest): string =>
  formatPinned({ ...parsePinned(reference), digest });

function renamed(item: CopyItem, digest: Digest): CopyItem {
  const { reference, origin } = item;
  return {
    ...item,
    reference: withDigest(reference, digest),
    ...(origin !== undefined && { origin: withDigest(origin, digest) }),
  };
}

/** The files of a bundle, with another list of images. */
async function* entriesWith(view: ImageView, lock: ImagesLock, call: CallOptions): AsyncGenerator<TarEntry> {
  const content = Buffer.from(printImagesLock(lock));
  for await (const entry of entriesOf(view, call)) {
    const isList = entry.name.replace(/^(?:\.?\/)+/, '') === IMAGES_PATH;
    yield isList ? { ...entry, size: content.length, body: streamOf(content) } : entry;
  }
}

async function* entriesOf(view: ImageView, call: CallOptions): AsyncGenerator<TarEntry> {
  const [layer, ...more] = await view.layers(call);
  if (layer === undefined || more.length > 0) yield* flattenedEntries(view, call);
  else {
    const stream = await layer.uncompressed(call);
    for await (const { header, body } of readTar(stream, {
      ...call,
      what: `layer ${layer.descriptor.digest}`,
    }))
      yield header.type === 'file' ? { ...header, body } : header;
  }
}

async function labelsOf(view: ImageView, call: CallOptions): Promise<Readonly<Record<string, string>>> {
  const document = parseJson(await view.config(call), 'config');
  const inner = isObject(document) ? document.config : undefined;
  const labels = isObject(inner) ? inner.Labels : undefined;
  return isStringMap(labels) ? labels : {};
}

/** A manifest, and of an index what it lists. */
async function digestsOf({ source, descriptor }: CopyItem, call: CallOptions): Promise<Digest[]> {
  if (!isIndexType(descriptor.mediaType)) return [descriptor.digest];
  const manifest = parseManifest(await readManifest(source, descriptor, call), descriptor.mediaType);
  const below = childrenOf(manifest).filter(({ mediaType }) => isManifestType(mediaType));
  return [descriptor.digest, ...below.map(({ digest }) => digest)];
}
