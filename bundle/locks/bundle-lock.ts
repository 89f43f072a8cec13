import { isObject } from '../../oci/index.js';
import { printYaml } from '../yaml/print.js';
import { invalid, refuseUnknown } from '../yaml/read.js';
import { API_VERSION, pinnedIn, readLockFile } from './lock-file.js';

/** Which bundle is meant, once and for all. */
export interface BundleLock {
  /** `registry/repository@sha256:…`, with nothing left out. */
  readonly image: string;
  readonly tag?: string;
}

/**
 * Reads a BundleLock.
 * @param what names the file in messages
 * @throws OciError `CONTENT_INVALID` for unknown or doubled fields, another version or kind, a reference without a digest
 */
export function parseBundleLock(text: string, what = 'the lock file'): BundleLock {
  const { bundle } = readLockFile(text, 'BundleLock', ['bundle'], what);
  if (!isObject(bundle)) throw invalid(what, 'bundle is not a map');
  refuseUnknown(bundle, ['image', 'tag'], `${what}: bundle`);
  const { tag = '' } = bundle;
  if (typeof tag !== 'string') throw invalid(what, 'bundle.tag is not text');
  const image = pinnedIn(bundle.image, `${what}: bundle`);
  return tag === '' ? { image } : { image, tag };
}

/** The bytes of a BundleLock, as imgpkg writes it. */
export function printBundleLock({ image, tag }: BundleLock): string {
  return `---\n${printYaml({ apiVersion: API_VERSION, bundle: { image, tag }, kind: 'BundleLock' })}`;
}
