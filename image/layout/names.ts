import { OciError, formatReference, isDigest, parseReference, quote, type Digest } from '../../oci/index.js';

/** The annotation that names an entry of a layout (image-spec, annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** Where containerd and Docker keep the full name, when the other is the tag only. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/** Something that can be found by its names. */
export interface Named<T> {
  readonly names: readonly string[];
  /** Tells things from each other: entries of one digest are one thing. */
  readonly digest: Digest | string;
  readonly item: T;
}

/** Names that a message lists. */
const SHOWN = 8;

/**
 * Finds what a name means among the things of a place: the one that is called so; else the one whose name is the same
 * once Docker's short forms are written out (`app` is `docker.io/library/app:latest`); else the one whose full name has
 * this tag. Nothing, `''`, means the only thing there is. Undefined when there is none.
 * @throws OciError `REFERENCE_INVALID` when it may be one of several; the message names them
 */
export function findNamed<T>(all: readonly Named<T>[], name: string, place: string): T | undefined {
  if (name === '') return onlyOne(all, place, 'a name is needed');
  const full = canonical(name);
  const ways: readonly ((other: string) => boolean)[] = [
    (other) => other === name,
    (other) => full !== undefined && /[:/]/.test(other) && canonical(other) === full,
    (other) => tagOfName(other) === name,
  ];
  for (const way of ways) {
    const found = all.filter(({ names }) => names.some(way));
    if (found.length > 0) return onlyOne(found, place, `${quote(name)} may be one of several`);
  }
  return undefined;
}

function onlyOne<T>(found: readonly Named<T>[], place: string, why: string): T {
  const [first] = found;
  if (first === undefined) throw new OciError('REFERENCE_INVALID', `${place} is empty: it holds no manifest`);
  if (found.every(({ digest }) => digest === first.digest)) return first.item;
  throw new OciError('REFERENCE_INVALID', `${place}: ${why}: expected one of ${listNames(found)}`, {
    detail: { names: found.flatMap(({ names }) => names) },
  });
}

/** For a message: names, or digests of what has none, and how many more there are. */
export function listNames(all: readonly Named<unknown>[]): string {
  const shown = all
    .slice(0, SHOWN)
    .map(({ names: [name], digest }) => (name === undefined ? digest : quote(name)));
  return all.length > SHOWN ? `${shown.join(', ')} and ${all.length - SHOWN} more` : shown.join(', ');
}

/** The tag of a full name, `v1` of `registry.example/app:v1`; undefined for a name without one. */
export function tagOfName(name: string): string | undefined {
  const colon = name.lastIndexOf(':');
  if (colon <= 0 || colon < name.lastIndexOf('/') || name.includes('@')) return undefined;
  return name.slice(colon + 1);
}

/** A name as Docker understands it, written out; undefined for what is no reference. */
function canonical(name: string): string | undefined {
  if (isDigest(name)) return undefined;
  try {
    const reference = parseReference(name);
    const tag = reference.digest === undefined ? (reference.tag ?? 'latest') : reference.tag;
    return formatReference({ ...reference, ...(tag !== undefined && { tag }) });
  } catch {
    return undefined;
  }
}
