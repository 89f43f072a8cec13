import {
  MEDIA_TYPES,
  OciError,
  encodeJson,
  isObject,
  parseDescriptor,
  parseJson,
  type Descriptor,
} from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { CONTAINERD_NAME, REF_NAME, tagOfName, type Named } from './names.js';

/** The most bytes of an `index.json` that are read: a hundred thousand entries or so. */
export const INDEX_LIMIT = 32 << 20;

/** A parsed `index.json` (image-spec, image-layout.md, "index.json file"). */
export interface IndexFile {
  /** The document as it was, fields unknown here included. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly entries: readonly Descriptor[];
}

/** The `oci-layout` file, as crane and skopeo write it in effect. */
export const LAYOUT_MARK: Uint8Array = encodeJson({ imageLayoutVersion: '1.0.0' });

/** An index of nothing. */
export const EMPTY_INDEX: IndexFile = {
  document: { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [] },
  entries: [],
};

/**
 * Reads `index.json`.
 * @throws OciError `CONTENT_INVALID`
 */
export function parseIndexFile(bytes: Uint8Array, place: string): IndexFile {
  const what = `index.json of ${place}`;
  const document = parseJson(bytes, what, 'CONTENT_INVALID');
  if (!isObject(document)) throw corrupt(`${what} is not a JSON object`);
  const { manifests } = document;
  // Go writes an empty list as null.
  if (manifests === null) return { document, entries: [] };
  if (!Array.isArray(manifests)) throw corrupt(`${what} has no list of manifests`);
  return { document, entries: manifests.map((entry, at) => parseEntry(entry, `${what}: manifests[${at}]`)) };
}

function parseEntry(entry: unknown, at: string): Descriptor {
  try {
    return parseDescriptor(entry, at);
  } catch (cause) {
    throw corrupt((cause as Error).message, cause);
  }
}

/**
 * Checks the `oci-layout` file.
 * @throws OciError `CONTENT_INVALID`, `UNSUPPORTED` for a version that is not 1
 */
export function checkLayoutMark(bytes: Uint8Array, place: string): void {
  const mark = parseJson(bytes, `oci-layout of ${place}`, 'CONTENT_INVALID');
  const version = isObject(mark) ? mark.imageLayoutVersion : undefined;
  if (typeof version !== 'string') throw corrupt(`oci-layout of ${place} has no imageLayoutVersion`);
  if (!version.startsWith('1.'))
    throw new OciError('UNSUPPORTED', `${place} is a layout of version ${version}: only version 1 is known`);
}

/** The bytes of an index, on one line as crane and skopeo write it. */
export function encodeIndexFile({ document, entries }: IndexFile): Uint8Array {
  return encodeJson({ ...document, manifests: entries });
}

/** The index with one more entry, which takes its name from any other and stands for its digest once only. */
export function withEntry(index: IndexFile, entry: Descriptor): IndexFile {
  const name = nameOf(entry);
  const { entries } = index;
  const same = entries.filter(({ digest }) => digest === entry.digest);
  if (name === undefined ? same.length > 0 : same.some((other) => nameOf(other) === name)) {
    // It is here; another one may have had the name besides.
    const rest = entries.filter((other) => other.digest === entry.digest || !hasName(other, name));
    return rest.length === entries.length ? index : { ...index, entries: rest };
  }
  const replaces = (other: Descriptor): boolean =>
    hasName(other, name) || (other.digest === entry.digest && nameOf(other) === undefined);
  const at = entries.findIndex(replaces);
  if (at < 0) return { ...index, entries: [...entries, entry] };
  const before = entries.slice(0, at);
  const after = entries.slice(at).filter((other) => !replaces(other));
  // One that had no name keeps what else is known of it.
  const nameless = entries.find((other) => other.digest === entry.digest && nameOf(other) === undefined);
  const annotations = { ...nameless?.annotations, ...entry.annotations };
  const named = nameless === undefined ? entry : { ...nameless, ...entry, annotations };
  return { ...index, entries: [...before, named, ...after] };
}

const hasName = (entry: Descriptor, name: string | undefined): boolean =>
  name !== undefined && nameOf(entry) === name;

/** What `org.opencontainers.image.ref.name` says. */
export function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[REF_NAME] || undefined;
}

/** The entries, to be found by any of their names. */
export function namedEntries(entries: readonly Descriptor[]): readonly Named<Descriptor>[] {
  return entries.map((entry) => {
    const names = [nameOf(entry), entry.annotations?.[CONTAINERD_NAME]].filter((name) => Boolean(name));
    return { names: names as string[], digest: entry.digest, item: entry };
  });
}

/**
 * The one name by which each entry is called: what `ref.name` says, but the full name where several entries have
 * the same, as Docker writes them when it saves `a:latest` and `b:latest`.
 */
export function entryNames(entries: readonly Descriptor[]): readonly (string | undefined)[] {
  const owners = new Map<string, string>();
  const shared = new Set<string>();
  for (const entry of entries) {
    const name = nameOf(entry);
    if (name === undefined) continue;
    const owner = owners.get(name);
    if (owner === undefined) owners.set(name, entry.digest);
    else if (owner !== entry.digest) shared.add(name);
  }
  return entries.map((entry) => {
    const name = nameOf(entry);
    const full = entry.annotations?.[CONTAINERD_NAME] || undefined;
    return name === undefined || shared.has(name) ? (full ?? name) : name;
  });
}

/** How entries are written. */
export interface EntryOptions {
  /** The names as they are given (`full`, the default), or their tags only. */
  readonly annotate?: 'full' | 'tag';
}

/** The entries for a manifest: one a name, or one without any. */
export function entriesFor(
  descriptor: Descriptor,
  tags: readonly string[],
  { artifactType, annotate = 'full' }: EntryOptions & { readonly artifactType?: string | undefined },
): readonly Descriptor[] {
  const { mediaType, digest, size, platform } = descriptor;
  // A name that it had elsewhere is not its name here.
  const { [REF_NAME]: _, [CONTAINERD_NAME]: __, ...kept } = descriptor.annotations ?? {};
  const entry = (names: Readonly<Record<string, string>>): Descriptor => {
    const annotations = { ...kept, ...names };
    return {
      mediaType,
      digest,
      size,
      ...(artifactType !== undefined && { artifactType }),
      ...(platform && { platform }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    };
  };
  if (tags.length === 0) return [entry({})];
  return tags.map((tag) => entry({ [REF_NAME]: writtenName(tag, { annotate }) }));
}

/** The name that a tag is written as. */
function writtenName(tag: string, { annotate = 'full' }: EntryOptions): string {
  return annotate === 'tag' ? (tagOfName(tag) ?? tag) : tag;
}

/** The entry that a tag would take its name from. */
export function entryOfName(
  entries: readonly Descriptor[],
  tag: string,
  options: EntryOptions,
): Descriptor | undefined {
  const name = writtenName(tag, options);
  return entries.find((entry) => hasName(entry, name));
}
