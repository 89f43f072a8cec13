import {
  OciError,
  formatReference,
  isDigest,
  isOciError,
  parseReference,
  quote,
  type Reference,
} from '../oci/index.js';

/** Where content is, as a person names it. */
export type Place =
  /** `registry.example/app:1`, `docker://registry.example/app:1`. */
  | { readonly medium: 'registry'; readonly reference: Reference }
  /** `oci:DIR[:NAME]`, `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:NAME]`. */
  | {
      readonly medium: 'oci' | 'oci-archive' | 'docker-archive';
      readonly path: string;
      /** A tag, a full reference or a digest; empty: the only one there is. */
      readonly name: string;
    }
  /** `docker-daemon:NAME`. */
  | { readonly medium: 'docker-daemon'; readonly name: string }
  /** `store:DIR:REPOSITORY[:TAG][@DIGEST]`: a data folder of the registry. */
  | { readonly medium: 'store'; readonly path: string; readonly repository: string; readonly name: string };

const FILES = ['oci', 'oci-archive', 'docker-archive'] as const;
/** Other spellings: skopeo's and regctl's. */
const ALIASES: Readonly<Record<string, string>> = { ocidir: 'oci', docker: 'registry' };

/**
 * Reads where content is. What begins with none of `oci:`, `oci-archive:`, `docker-archive:`, `docker-daemon:`,
 * `store:`, `docker://` and `ocidir://` is a reference. A path ends at the first colon.
 * @throws OciError `REFERENCE_INVALID`
 */
export function parsePlace(text: string, options: { readonly defaultRegistry?: string } = {}): Place {
  const [, scheme = '', slashes = '', rest = ''] = /^([a-z-]+):(\/\/)?(.*)$/s.exec(text) ?? [];
  const medium = slashes === '' ? scheme : (ALIASES[scheme] ?? scheme);
  if (slashes !== '' && medium === 'registry') return { medium, reference: parseReference(rest, options) };
  const file = FILES.find((name) => name === medium);
  if (file !== undefined)
    return { medium: file, ...splitPath(slashes !== '' && file !== 'oci' ? `//${rest}` : rest, text) };
  if (medium === 'docker-daemon') {
    if (rest === '') throw invalid(text, 'an image of the daemon has a name, as in docker-daemon:app:1');
    return { medium, name: rest };
  }
  if (medium === 'store') {
    const colon = rest.indexOf(':');
    const path = required(colon < 0 ? rest : rest.slice(0, colon), text);
    const { repository, tag, digest } = inStore(colon < 0 ? '' : rest.slice(colon + 1), text);
    return { medium, path, repository, name: digest ?? tag ?? '' };
  }
  return { medium: 'registry', reference: parseReference(text, options) };
}

/** Prints a place as it is read. */
export function formatPlace(place: Place): string {
  if (place.medium === 'registry') return formatReference(place.reference);
  if (place.medium === 'docker-daemon') return `docker-daemon:${place.name}`;
  const named = place.name === '' ? '' : `${isDigest(place.name) ? '@' : ':'}${place.name}`;
  if (place.medium === 'store') return `store:${place.path}:${place.repository}${named}`;
  return `${place.medium}:${place.path}${named}`;
}

const invalid = (text: string, problem: string, cause?: unknown): OciError =>
  new OciError('REFERENCE_INVALID', `${quote(text)} is not valid: ${problem}`, { cause });

function splitPath(rest: string, text: string): { path: string; name: string } {
  const digest = /@([a-z0-9]+:[0-9a-f]+)$/.exec(rest)?.[1];
  if (digest !== undefined && isDigest(digest)) {
    const path = rest.slice(0, -digest.length - 1);
    // A name that comes with a digest says nothing more.
    const colon = path.indexOf(':');
    return { path: required(colon < 0 ? path : path.slice(0, colon), text), name: digest };
  }
  const colon = rest.indexOf(':');
  if (colon < 0) return { path: required(rest, text), name: '' };
  return { path: required(rest.slice(0, colon), text), name: rest.slice(colon + 1) };
}

function required(path: string, text: string): string {
  if (path === '') throw invalid(text, 'expected a path behind the first colon');
  return path;
}

/** A repository of a store has no host before it. */
function inStore(name: string, text: string): Reference {
  try {
    // A host that no repository of the store can be read as.
    return parseReference(`store.invalid/${name}`);
  } catch (error) {
    if (!isOciError(error)) throw error;
    throw invalid(text, 'expected store:DIR:REPOSITORY[:TAG], as in store:./.data:team/app:1', error);
  }
}
