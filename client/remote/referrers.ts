import { OciError, isObject, isOciError, parseDescriptor, type Descriptor } from '../../oci/index.js';
import { responseDetail } from '../errors.js';

/** True for the answer of a registry that does not have what was asked for, or does not know the question. */
export function isMissing(error: unknown): boolean {
  return [400, 404, 405, 406].includes(responseDetail(error)?.status ?? 0);
}

/**
 * Why the referrers API of a registry is of no use, though it does not say that there is none: some gateways guard paths that
 * they do not know, or answer them with a page for people. Undefined for an error that means something else.
 */
export function uselessBecause(error: unknown): string | undefined {
  const status = responseDetail(error)?.status;
  if (status === 401 || status === 403) return `answers ${status}`;
  const noList = isOciError(error, 'UNKNOWN') || isOciError(error, 'MANIFEST_INVALID');
  return status === undefined && noList ? 'gives no list' : undefined;
}

/** The descriptors of a list of referrers, of one type if one is given. Throws OciError `MANIFEST_INVALID`. */
export function* descriptorsOf(page: unknown, artifactType: string | undefined): Generator<Descriptor> {
  const entries = isObject(page) ? page.manifests : undefined;
  if (!Array.isArray(entries))
    throw new OciError('MANIFEST_INVALID', 'referrers: the answer has no manifests');
  for (const [at, entry] of entries.entries()) {
    const descriptor = parseDescriptor(entry, `manifests[${at}]`);
    if (artifactType === undefined || descriptor.artifactType === artifactType) yield descriptor;
  }
}
