import { isObject } from '../../oci/index.js';
import { printYaml } from '../yaml/print.js';
import { invalid, readYaml } from '../yaml/read.js';
import { API_VERSION, checkHead, pinnedIn } from './lock-file.js';

/** An image of a bundle, as the bundle spells it. */
export interface ImageLocation {
  readonly image: string;
  readonly isBundle: boolean;
}

/** What a copy notes beside a bundle: that its images lie in the same repository, and which are bundles themselves. */
export interface ImageLocations {
  readonly images: readonly ImageLocation[];
}

/** The file in a locations image. */
export const LOCATIONS_FILE = 'image-locations.yml';

/**
 * Reads an ImageLocations file. Fields that nobody knows are passed over.
 * @throws OciError `CONTENT_INVALID`
 */
export function parseImageLocations(text: string, what = LOCATIONS_FILE): ImageLocations {
  const document = readYaml(text, what);
  checkHead(document, 'ImageLocations', what);
  const { images = '' } = document;
  if (images === '') return { images: [] };
  if (!Array.isArray(images)) throw invalid(what, 'images is not a list');
  return {
    images: images.map((entry: unknown, at) => {
      const where = `${what}: images[${at}]`;
      if (!isObject(entry)) throw invalid(where, 'it is not a map');
      return { image: pinnedIn(entry.image, where), isBundle: entry.isBundle === 'true' };
    }),
  };
}

/** The bytes of an ImageLocations file, as imgpkg writes it: sorted by image. */
export function printImageLocations({ images }: ImageLocations): string {
  const sorted = images
    .map(({ image, isBundle }) => ({ image, isBundle }))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.image), Buffer.from(b.image)));
  return `---\n${printYaml({
    apiVersion: API_VERSION,
    images: sorted.length === 0 ? undefined : sorted,
    kind: 'ImageLocations',
  })}`;
}
