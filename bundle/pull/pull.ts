import { join } from 'node:path';
import { OciError, hexOf, isImageType, type Digest, type Reference } from '../../oci/index.js';
import { imageFrom, type ImageView } from '../../image/views/image.js';
import { formatPinned, parsePinned, printImagesLock, type LockedImage } from '../locks/index.js';
import { BUNDLE_FOLDER, IMAGES_FILE } from '../names.js';
import { fetchWanted, type Found, type Finder } from '../places.js';
import { bundleFrom, locationsOf } from '../read/bundle.js';
import { extractFiles, type ExtractFilesOptions } from './extract.js';
import { relocated } from './hosted.js';
import { folderInside, readExtractedLock, rewriteInside } from './inside.js';
import { openOutputFolder } from './output.js';

/** What a pull tells while it runs. */
export type PullEvent =
  | { readonly type: 'bundle' | 'image' | 'nested' | 'skipped'; readonly reference: string }
  | { readonly type: 'layer'; readonly digest: Digest; readonly n: number; readonly of: number };

/** How something is pulled. */
export interface PullOptions extends ExtractFilesOptions {
  readonly onEvent?: (event: PullEvent) => void;
  /** Whose home folder is no place to pull to. Default that of the user. */
  readonly home?: string;
}

/** How a bundle is pulled. */
export interface PullBundleOptions extends PullOptions {
  /** Whether bundles in it are pulled too. Default false. */
  readonly recursive?: boolean;
}

/** A bundle that was pulled. */
export interface PulledBundle {
  /** `repository@digest`. */
  readonly reference: string;
  /** Whether its list of images names its own repository now, which has them all. */
  readonly relocated: boolean;
  /** Bundles in it, at any depth; none unless it was asked for. */
  readonly nested: readonly PulledBundle[];
}

const HINTS = {
  index:
    'Unable to pull non-images, such as image indexes. (hint: provide a specific digest to the image instead)',
  bundle: 'Expected bundle flag when pulling a bundle (hint: Use -b instead of -i for bundles)',
  image: 'Expected bundle image but found plain image (hint: Did you use -i instead of -b?)',
};

/**
 * Puts the files of an image into a folder, in place of what is in it. Until all is there the folder stays as it was.
 * @param options.evenBundle takes a bundle as any other image. Default false
 * @returns `repository@digest`
 * @throws OciError `INVALID_OPTION` for indexes, bundles and folders that nobody can have meant, what the registry answers, and
 * what `extractFiles` throws
 */
export async function pullImage(
  places: Finder,
  wanted: Reference,
  folder: string,
  { evenBundle = false, ...options }: PullOptions & { readonly evenBundle?: boolean } = {},
): Promise<string> {
  const found = await fetchWanted(places, wanted, callOf(options));
  if (!isImageType(found.descriptor.mediaType)) throw new OciError('INVALID_OPTION', HINTS.index);
  if (!evenBundle && (await bundleFrom(found.source, found.descriptor, options)) !== undefined)
    throw new OciError('INVALID_OPTION', HINTS.bundle);
  const reference = referenceOf(found);
  await replaceFolder(folder, options, async (staging) => {
    options.onEvent?.({ type: 'image', reference });
    await extract(imageFrom(found.source, found.descriptor), staging, options);
  });
  return reference;
}

/**
 * Puts the files of a bundle into a folder, in place of what is in it; bundles in it below `.imgpkg/bundles`. Where the
 * bundle's own repository has all its images, its list is changed to name them there.
 * @throws OciError `INVALID_OPTION` for what is no bundle, and as `pullImage`
 */
export async function pullBundle(
  places: Finder,
  wanted: Reference,
  folder: string,
  options: PullBundleOptions = {},
): Promise<PulledBundle> {
  const found = await fetchWanted(places, wanted, callOf(options));
  const bundle = await bundleFrom(found.source, found.descriptor, options);
  if (bundle === undefined) throw new OciError('INVALID_OPTION', HINTS.image);
  return await replaceFolder(folder, options, async (staging) => {
    const pull = new BundlePull(places, staging, options);
    return await pull.run(found, bundle);
  });
}

async function replaceFolder<T>(
  folder: string,
  { home }: PullOptions,
  fill: (staging: string) => Promise<T>,
): Promise<T> {
  const output = await openOutputFolder(folder, home === undefined ? {} : { home });
  try {
    const result = await fill(output.staging);
    await output.commit();
    return result;
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

const callOf = ({ signal }: PullOptions): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };
const referenceOf = ({ place, descriptor: { digest } }: Found): string => formatPinned({ ...place, digest });

async function extract(image: ImageView, folder: string, options: PullOptions): Promise<void> {
  const layers = await image.layers(callOf(options));
  for (const [at, { descriptor }] of layers.entries())
    options.onEvent?.({ type: 'layer', digest: descriptor.digest, n: at + 1, of: layers.length });
  await extractFiles(image, folder, options);
}

/** One bundle on its way to disk, and those in it. */
class BundlePull {
  readonly #places: Finder;
  readonly #staging: string;
  readonly #options: PullBundleOptions;
  readonly #seen = new Set<Digest>();

  constructor(places: Finder, staging: string, options: PullBundleOptions) {
    this.#places = places;
    this.#staging = staging;
    this.#options = options;
  }

  async run(found: Found, bundle: ImageView): Promise<PulledBundle> {
    this.#options.onEvent?.({ type: 'bundle', reference: referenceOf(found) });
    return await this.#pull(found, bundle, this.#staging);
  }

  async #pull(found: Found, bundle: ImageView, folder: string): Promise<PulledBundle> {
    const { digest } = found.descriptor;
    this.#seen.add(digest);
    await extract(bundle, folder, this.#options);
    const lock = await readExtractedLock(folder);
    const moved = await relocated(this.#places, found.place, lock, callOf(this.#options));
    if (moved !== undefined)
      await rewriteInside(folder, [BUNDLE_FOLDER, IMAGES_FILE], printImagesLock(moved));
    const nested = this.#options.recursive === true ? await this.#nested(found, lock.images) : [];
    return { reference: referenceOf(found), relocated: moved !== undefined, nested };
  }

  async #nested(parent: Found, images: readonly LockedImage[]): Promise<PulledBundle[]> {
    const call = callOf(this.#options);
    const known = await this.#knownImages(parent);
    const candidates = images.filter(({ image }) => known?.has(image) !== true);
    // They are looked at together, and written one after the other.
    const looked = await Promise.all(candidates.map(({ image }) => this.#look(parent, image)));
    const pulled: PulledBundle[] = [];
    for (const one of looked) {
      if (one === undefined) continue;
      const { found, bundle } = one;
      const { digest } = found.descriptor;
      const reference = referenceOf(found);
      if (this.#seen.has(digest)) {
        this.#options.onEvent?.({ type: 'skipped', reference });
        continue;
      }
      call.signal?.throwIfAborted();
      this.#options.onEvent?.({ type: 'nested', reference });
      // oxlint-disable-next-line no-await-in-loop -- one may lie in another
      const bundles = await folderInside(this.#staging, BUNDLE_FOLDER, 'bundles');
      // oxlint-disable-next-line no-await-in-loop
      pulled.push(await this.#pull(found, bundle, join(bundles, `sha256-${hexOf(digest)}`)));
    }
    return pulled;
  }

  /** What was noted not to be a bundle, when its bundle was copied. */
  async #knownImages(parent: Found): Promise<ReadonlySet<string> | undefined> {
    const found = await locationsOf(this.#places, parent, callOf(this.#options));
    const images = found?.locations.images.filter(({ isBundle }) => !isBundle) ?? [];
    return found && new Set(images.map(({ image }) => image));
  }

  async #look(
    parent: Found,
    image: string,
  ): Promise<{ readonly found: Found; readonly bundle: ImageView } | undefined> {
    const call = callOf(this.#options);
    const { digest, ...written } = parsePinned(image);
    const own = await this.#places.find(parent.place, digest, call);
    const found = own ?? (await this.#places.get(written, digest, call));
    const bundle = await bundleFrom(found.source, found.descriptor, call);
    return bundle && { found, bundle };
  }
}
