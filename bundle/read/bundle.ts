import {
  MANIFEST_LIMIT,
  isImageType,
  isObject,
  isOciError,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import { readManifest } from '../../image/read.js';
import type { Source } from '../../image/media.js';
import { imageFrom, isImageConfigType, type ImageView } from '../../image/views/image.js';
import { parseImageLocations, parseImagesLock, LOCATIONS_FILE } from '../locks/index.js';
import type { ImageLocations, ImagesLock } from '../locks/index.js';
import { BUNDLE_FOLDER, BUNDLE_LABEL, IMAGES_FILE, locationsTag } from '../names.js';
import type { Found, Finder } from '../places.js';
import { invalid, YAML_LIMIT } from '../yaml/read.js';
import { readImageFile } from './files.js';

/** Where a bundle has its list of images. */
export const IMAGES_PATH = `${BUNDLE_FOLDER}/${IMAGES_FILE}`;

/**
 * The view of a bundle: an image, of Docker's types or OCI's, whose config has the label. Undefined for everything
 * else: indexes, images without it, artifacts with a config of their own.
 * @throws OciError what reading manifest and config throws
 */
export async function bundleFrom(
  source: Source,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<ImageView | undefined> {
  if (!isImageType(descriptor.mediaType)) return undefined;
  await readManifest(source, descriptor, options);
  const image = imageFrom(source, descriptor);
  const { config } = await image.manifest(options);
  if (!isImageConfigType(config.mediaType) || config.size > MANIFEST_LIMIT) return undefined;
  return hasLabel(await image.config(options)) ? image : undefined;
}

function hasLabel(config: Uint8Array): boolean {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(config).toString()) as unknown;
  } catch {
    return false;
  }
  const inner = isObject(document) ? document.config : undefined;
  const labels = isObject(inner) ? inner.Labels : undefined;
  return isObject(labels) && Object.hasOwn(labels, BUNDLE_LABEL);
}

/**
 * The images that a bundle lists.
 * @throws OciError `CONTENT_INVALID` for a bundle without a list, or with one that is none
 */
export async function imagesOf(bundle: ImageView, options: CallOptions = {}): Promise<ImagesLock> {
  const what = `${IMAGES_PATH} of bundle ${bundle.descriptor.digest}`;
  const bytes = await readImageFile(bundle, IMAGES_PATH, YAML_LIMIT, options);
  if (bytes === undefined) throw invalid(what, 'it is not there');
  return parseImagesLock(Buffer.from(bytes).toString(), what);
}

/** What was noted beside a bundle when it was copied. */
export interface FoundLocations {
  readonly image: Found;
  readonly locations: ImageLocations;
}

/**
 * The locations image of a bundle; undefined when there is none, or it cannot be read by anybody.
 * @throws OciError of answers that are neither yes nor no, `CONTENT_INVALID`
 */
export async function locationsOf(
  places: Finder,
  { place, descriptor: { digest } }: Found,
  options: CallOptions = {},
): Promise<FoundLocations | undefined> {
  const found = await places.find(place, locationsTag(digest), options);
  if (found === undefined || !isImageType(found.descriptor.mediaType)) return undefined;
  const what = `${LOCATIONS_FILE} of bundle ${digest}`;
  try {
    const image = imageFrom(found.source, found.descriptor);
    const bytes = await readImageFile(image, LOCATIONS_FILE, YAML_LIMIT, options);
    if (bytes === undefined) throw invalid(what, 'it is not there');
    return { image: found, locations: parseImageLocations(Buffer.from(bytes).toString(), what) };
  } catch (error) {
    // Its manifest was found, and what is below it was cleaned away.
    if (isOciError(error, 'BLOB_UNKNOWN')) return undefined;
    throw error;
  }
}
