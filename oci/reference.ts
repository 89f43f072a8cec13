import { isDigest, parseDigest, type Digest } from './digest.js';
import { OciError, isOciError } from './errors.js';
import { isHost, looksLikeHost } from './host.js';
import { quote } from './quote.js';

/** Where content is: `registry/repository[:tag][@digest]`. */
export interface Reference {
  /** Host and port, as `registry.example:5000`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** Longest repository name; clients cap `host/name` at 255 characters. */
export const NAME_LIMIT = 255;

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
/** More than the longest host, repository, tag and digest together; longer text is refused unread. */
const REFERENCE_LIMIT = 1024;

/** Docker Hub as references spell it, and the prefix of its official images. */
export const DEFAULT_REGISTRY = 'index.docker.io';
const OFFICIAL = 'library/';

/** True for a repository name (distribution-spec, "Pulling manifests"). */
export function isRepository(name: string): boolean {
  return (
    name.length > 0 && name.length <= NAME_LIMIT && name.split('/').every((part) => COMPONENT.test(part))
  );
}

/** True for a tag (distribution-spec, "Pulling manifests"). */
export function isTag(tag: string): boolean {
  return TAG.test(tag);
}

/**
 * Checks a repository name.
 * @throws OciError `NAME_INVALID`
 */
export function parseRepository(name: string): string {
  if (isRepository(name)) return name;
  const reason =
    name.length > NAME_LIMIT
      ? `it is longer than ${NAME_LIMIT} characters`
      : 'expected lower-case path components such as team/app';
  throw new OciError('NAME_INVALID', `repository ${quote(name)} is not valid: ${reason}`);
}

/**
 * Checks a tag.
 * @throws OciError `TAG_INVALID`
 */
export function parseTag(tag: string): string {
  if (isTag(tag)) return tag;
  throw new OciError(
    'TAG_INVALID',
    `tag ${quote(tag)} is not valid: expected up to 128 of A-Z a-z 0-9 _ . - and no leading . or -`,
  );
}

/**
 * Parses a reference as Docker's tools do: the first component is a registry if it has a dot, a colon or a capital, or
 * is `localhost`; without one the registry is Docker Hub, where one-word names stand below `library/`.
 * A tag and a digest may both be given; no tag is invented.
 * @throws OciError `REFERENCE_INVALID`; `INVALID_OPTION` for a `defaultRegistry` that no reference could spell
 */
export function parseReference(text: string, options: { readonly defaultRegistry?: string } = {}): Reference {
  const { defaultRegistry } = options;
  const fallback = defaultRegistry === undefined ? DEFAULT_REGISTRY : checkDefault(defaultRegistry);
  try {
    return splitReference(text, fallback);
  } catch (cause) {
    if (!isOciError(cause)) throw cause;
    throw new OciError('REFERENCE_INVALID', `reference ${quote(text)} is not valid: ${cause.message}`, {
      cause,
    });
  }
}

const invalid = (problem: string): OciError => new OciError('REFERENCE_INVALID', problem);

function splitReference(text: string, fallback: string): Reference {
  if (text.length > REFERENCE_LIMIT) throw invalid(`it is longer than ${REFERENCE_LIMIT} characters`);
  if (/^https?:\/\//.test(text)) throw invalid('leave out http:// or https://');
  if (isDigest(text) || isDigest(`sha256:${text}`))
    throw invalid('a digest names no repository, expected repository@digest');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : parseDigest(text.slice(at + 1));
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? parseTag(named.slice(colon + 1)) : undefined;
  const place = splitRegistry(hasTag ? named.slice(0, colon) : named, fallback);
  return { ...place, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function splitRegistry(path: string, fallback: string): { registry: string; repository: string } {
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  const hasHost = looksLikeHost(first);
  if (hasHost && !isHost(first)) throw invalid(`${quote(first)} is not a host`);
  const registry = hasHost ? canonicalRegistry(first) : fallback;
  const name = parseRepository(hasHost ? path.slice(slash + 1) : path);
  const official = registry === DEFAULT_REGISTRY && !name.includes('/');
  return { registry, repository: official ? parseRepository(OFFICIAL + name) : name };
}

/** A registry that does not look like one would be read as part of the name once it is printed. */
function checkDefault(registry: string): string {
  if (looksLikeHost(registry) && isHost(registry)) return canonicalRegistry(registry);
  throw new OciError(
    'INVALID_OPTION',
    `default registry ${quote(registry)} is not valid: expected a host with a dot or a port, as registry:443`,
  );
}

/** Docker Hub's short name; its other hosts stay as they were written, as they do in Docker and crane. */
function canonicalRegistry(host: string): string {
  return host === 'docker.io' ? DEFAULT_REGISTRY : host;
}

/** The inverse of `parseReference`, always with the registry. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/**
 * The tag under which clients keep the referrers of `digest` on registries without the referrers API
 * (distribution-spec, "Referrers Tag Schema").
 */
export function referrersTag(digest: Digest): string {
  const colon = digest.indexOf(':');
  const clean = (text: string, limit: number): string => text.slice(0, limit).replaceAll(/[^\w.-]/g, '-');
  return `${clean(digest.slice(0, colon), 32)}-${clean(digest.slice(colon + 1), 64)}`;
}
