import { OciError } from '../oci/index.js';

/** What a path names, before anything is checked but its shape. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'blob'; readonly repo: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repo: string }
  | { readonly kind: 'upload'; readonly repo: string; readonly id: string }
  | { readonly kind: 'manifest'; readonly repo: string; readonly reference: string }
  | { readonly kind: 'tags'; readonly repo: string }
  | { readonly kind: 'referrers'; readonly repo: string; readonly digest: string }
  | { readonly kind: 'extensions'; readonly repo?: string };

/** Scheme and host, path, query; a `://` further on belongs to the path or the query. */
const TARGET = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?/i;

/** The path and query of a URL in absolute or origin form, as they were sent. */
export function splitTarget(url: string): { path: string; query: string } {
  const [, path = '', query = ''] = TARGET.exec(url) ?? [];
  return { path: path === '' ? '/' : path, query };
}

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const HOSTILE = /%(?:2f|5c|2e|25|[01][\da-f]|7f)|\\|[\u0000-\u0020\u007F]|(?:^|\/)\.{1,2}(?:\/|$)/i;

/**
 * Checks a path as it was sent. Nothing that could be read in two ways goes further: dot segments, encoded slashes,
 * dots and percent signs, backslashes, control characters.
 * @returns the path with harmless escapes, such as `%3A`, resolved
 * @throws OciError `NAME_INVALID`
 */
export function checkPath(path: string): string {
  if (HOSTILE.test(path))
    throw new OciError('NAME_INVALID', 'the path has dot segments, control characters or encoded separators');
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new OciError('NAME_INVALID', 'the path has a broken escape', { cause });
  }
}

/**
 * Reads a `/v2/` path from its end: repository names may have components such as `blobs` or `manifests`.
 * @returns undefined when no resource has such a path
 */
export function matchRoute(path: string): Route | undefined {
  if (path === '/v2' || path === '/v2/') return { kind: 'base' };
  if (!path.startsWith('/v2/')) return undefined;
  const rest = path.slice('/v2/'.length);
  if (rest === '_catalog') return { kind: 'catalog' };
  if (rest === '_oci/ext/discover') return { kind: 'extensions' };
  // No name begins like this, and without one there is no resource.
  if (rest.startsWith('/')) return undefined;
  const parts = rest.split('/');
  const last = parts.at(-1) ?? '';
  const name = (drop: number): string => parts.slice(0, -drop).join('/');
  // `uploads` and `uploads/` are the same.
  if (last === '' && parts.at(-2) === 'uploads' && parts.at(-3) === 'blobs' && parts.length > 3)
    return { kind: 'uploads', repo: name(3) };
  if (last === '') return undefined;
  const marker = parts.at(-2);
  if (parts.length > 3 && marker === 'uploads' && parts.at(-3) === 'blobs')
    return { kind: 'upload', repo: name(3), id: last };
  if (parts.length > 3 && last === 'discover' && marker === 'ext' && parts.at(-3) === '_oci')
    return { kind: 'extensions', repo: name(3) };
  if (parts.length < 3) return undefined;
  if (marker === 'blobs')
    return last === 'uploads'
      ? { kind: 'uploads', repo: name(2) }
      : { kind: 'blob', repo: name(2), digest: last };
  if (marker === 'manifests') return { kind: 'manifest', repo: name(2), reference: last };
  if (marker === 'tags' && last === 'list') return { kind: 'tags', repo: name(2) };
  if (marker === 'referrers') return { kind: 'referrers', repo: name(2), digest: last };
  return undefined;
}
