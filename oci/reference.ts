import { parseDigest, type Digest } from './digest.js';
import { OciError } from './errors.js';

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
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;

/** Docker Hub as references spell it, and the prefix of its official images. */
export const DEFAULT_REGISTRY = 'index.docker.io';
const OFFICIAL = 'library/';

/** True for a repository name (distribution-spec, "Pulling manifests"). */
export function isRepository(name: string): boolean {
  return (
    name.length > 0 && name.length <= NAME_LIMIT && name.split('/').every((part) => COMPONENT.test(part))
  );
}

export function isTag(tag: string): boolean {
  return TAG.test(tag);
}

/** @throws OciError `NAME_INVALID` */
export function parseRepository(name: string): string {
  if (isRepository(name)) return name;
  const reason =
    name.length > NAME_LIMIT
      ? `it is longer than ${NAME_LIMIT} characters`
      : 'expected lower-case path components such as team/app';
  throw new OciError('NAME_INVALID', `repository "${name.slice(0, 300)}" is not valid: ${reason}`);
}

/** @throws OciError `TAG_INVALID` */
export function parseTag(tag: string): string {
  if (isTag(tag)) return tag;
  throw new OciError(
    'TAG_INVALID',
    `tag "${tag.slice(0, 160)}" is not valid: expected up to 128 of A-Z a-z 0-9 _ . - and no leading . or -`,
  );
}

/**
 * Parses a reference as Docker's tools do: the first component is a registry if it has a dot or a colon, or is
 * `localhost`; without one the registry is Docker Hub, where one-word names stand below `library/`.
 * A tag and a digest may both be given; no tag is invented.
 * @throws OciError `REFERENCE_INVALID`
 */
export function parseReference(text: string, options: { readonly defaultRegistry?: string } = {}): Reference {
  try {
    const at = text.indexOf('@');
    const digest = at < 0 ? undefined : parseDigest(text.slice(at + 1));
    const named = at < 0 ? text : text.slice(0, at);
    const colon = named.lastIndexOf(':');
    const hasTag = colon > named.lastIndexOf('/');
    const tag = hasTag ? parseTag(named.slice(colon + 1)) : undefined;
    const place = splitRegistry(
      hasTag ? named.slice(0, colon) : named,
      options.defaultRegistry ?? DEFAULT_REGISTRY,
    );
    return { ...place, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  } catch (cause) {
    throw new OciError(
      'REFERENCE_INVALID',
      `reference "${text.slice(0, 400)}" is not valid: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function splitRegistry(path: string, fallback: string): { registry: string; repository: string } {
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  const isHost = first === 'localhost' || first.includes('.') || first.includes(':');
  if (isHost && !HOST.test(first)) throw new OciError('REFERENCE_INVALID', `"${first}" is not a host`);
  const registry = isHost ? canonicalRegistry(first) : fallback;
  const name = isHost ? path.slice(slash + 1) : path;
  const repository = registry === DEFAULT_REGISTRY && !name.includes('/') ? OFFICIAL + name : name;
  return { registry, repository: parseRepository(repository) };
}

/** Docker Hub has several names; all but one are aliases. */
function canonicalRegistry(host: string): string {
  return host === 'docker.io' || host === 'registry-1.docker.io' ? DEFAULT_REGISTRY : host;
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
