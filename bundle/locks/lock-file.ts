import { OciError, formatReference, parseReference, quote, type Digest } from '../../oci/index.js';
import { invalid, readYaml, refuseUnknown } from '../yaml/read.js';

/** The version of all of imgpkg's files. */
export const API_VERSION = 'imgpkg.carvel.dev/v1alpha1';

/** A reference with a digest. */
export interface PinnedReference {
  readonly registry: string;
  readonly repository: string;
  readonly digest: Digest;
}

/**
 * Reads one of imgpkg's files and checks what all of them have: version and kind, and no unknown field.
 * @throws OciError `CONTENT_INVALID`
 */
export function readLockFile(
  text: string,
  kind: string,
  fields: readonly string[],
  what: string,
): Record<string, unknown> {
  const document = readYaml(text, what);
  checkHead(document, kind, what);
  refuseUnknown(document, ['apiVersion', 'kind', ...fields], what);
  return document;
}

/** Checks version and kind. Throws OciError `CONTENT_INVALID`. */
export function checkHead(document: Readonly<Record<string, unknown>>, kind: string, what: string): void {
  if (document.apiVersion !== API_VERSION)
    throw invalid(what, `Validating apiVersion: Unknown version (known: ${API_VERSION})`);
  if (document.kind !== kind) throw invalid(what, `Validating kind: Unknown kind (known: ${kind})`);
}

/**
 * Reads a reference that must name a digest of sha256; a tag beside it is dropped.
 * @throws OciError `REFERENCE_INVALID`
 */
export function parsePinned(text: string): PinnedReference {
  const { registry, repository, digest } = parseReference(text);
  if (digest === undefined || !digest.startsWith('sha256:'))
    throw new OciError(
      'REFERENCE_INVALID',
      `Expected ref to be in digest form, got ${quote(text)}: name it as repository@sha256:…, which \`ocilot lock resolve\` finds`,
    );
  return { registry, repository, digest };
}

/** `registry/repository@digest`. */
export const formatPinned = ({ registry, repository, digest }: PinnedReference): string =>
  formatReference({ registry, repository, digest });

/** A pinned reference in a file. Throws OciError `CONTENT_INVALID`. */
export function pinnedIn(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(what, 'image is not text');
  try {
    return formatPinned(parsePinned(value));
  } catch (cause) {
    throw invalid(what, (cause as Error).message, cause);
  }
}
