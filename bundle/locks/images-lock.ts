import { isObject, isStringMap } from '../../oci/index.js';
import { printYaml } from '../yaml/print.js';
import { invalid, refuseUnknown } from '../yaml/read.js';
import { API_VERSION, pinnedIn, readLockFile } from './lock-file.js';

/** An image, or a bundle, that something depends on. */
export interface LockedImage {
  /** `registry/repository@sha256:…`, with nothing left out. */
  readonly image: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What stands in `.imgpkg/images.yml`. */
export interface ImagesLock {
  readonly images: readonly LockedImage[];
}

/**
 * Reads an ImagesLock. Short references are written out: `nginx@sha256:…` is `index.docker.io/library/nginx@sha256:…`.
 * @param what names the file in messages
 * @throws OciError `CONTENT_INVALID` for unknown or doubled fields, another version or kind, a reference without a digest
 */
export function parseImagesLock(text: string, what = 'images.yml'): ImagesLock {
  const { images } = readLockFile(text, 'ImagesLock', ['images'], what);
  if (images === undefined || images === '') return { images: [] };
  if (!Array.isArray(images)) throw invalid(what, 'images is not a list');
  return { images: images.map((entry, at) => parseEntry(entry, `${what}: images[${at}]`)) };
}

function parseEntry(entry: unknown, what: string): LockedImage {
  if (!isObject(entry)) throw invalid(what, 'it is not a map');
  refuseUnknown(entry, ['annotations', 'image'], what);
  const { annotations = '' } = entry;
  if (annotations !== '' && !isStringMap(annotations))
    throw invalid(what, 'annotations is not a map of text');
  const image = pinnedIn(entry.image, what);
  return annotations === '' || Object.keys(annotations).length === 0 ? { image } : { image, annotations };
}

/** The bytes of an ImagesLock, as imgpkg writes it. */
export function printImagesLock({ images }: ImagesLock): string {
  const listed = images.map(({ image, annotations }) => ({ image, annotations }));
  return `---\n${printYaml({
    apiVersion: API_VERSION,
    images: listed.length === 0 ? undefined : listed,
    kind: 'ImagesLock',
  })}`;
}
