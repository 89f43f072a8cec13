import { readYaml } from '../yaml/read.js';
import { parseBundleLock, type BundleLock } from './bundle-lock.js';
import { parseImagesLock, type ImagesLock } from './images-lock.js';

/**
 * Reads a lock file of either kind: only an ImagesLock has `images`.
 * @param what names the file in messages
 * @throws OciError as `parseBundleLock` and `parseImagesLock`
 */
export function parseLock(text: string, what = 'the lock file'): BundleLock | ImagesLock {
  const { kind } = readYaml(text, what);
  return kind === 'ImagesLock' ? parseImagesLock(text, what) : parseBundleLock(text, what);
}
