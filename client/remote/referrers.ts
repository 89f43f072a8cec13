import { OciError, isObject, parseDescriptor, type Descriptor } from '../../oci/index.js';
import { responseDetail } from '../errors.js';

/** True for the answer of a registry that does not have what was asked for, or does not know the question. */
export function isMissing(error: unknown): boolean {
  return [400, 404, 405, 406].includes(responseDetail(error)?.status ?? 0);
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
