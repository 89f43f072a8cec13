import {
  OciError,
  isDigest,
  isObject,
  isStringList,
  isStringMap,
  parseDigest,
  streamOf,
  type ByteRange,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { sliceOf } from '../layout/files.js';
import { findNamed, type Named } from '../layout/names.js';
import type { Root, Source } from '../media.js';
import type { TarFile } from './tar-file.js';

/** An image or an index at the top of imgpkg's tar. */
export interface ImgpkgEntry {
  readonly descriptor: Descriptor;
  /** Where it came from: `repository@digest`. */
  readonly refs: readonly string[];
  readonly tag?: string;
  /** The reference as the lock file of its bundle spells it. */
  readonly originalReference?: string;
  /** The root bundle has `dev.carvel.imgpkg.copy.root-bundle` among them. */
  readonly labels: Readonly<Record<string, string>>;
}

/** imgpkg's tar. Its entries are its roots, in the order of their digests. */
export interface ImgpkgArchive extends Source {
  readonly entries: readonly ImgpkgEntry[];
  close(): Promise<void>;
}

/** Documents that imgpkg keeps as text: manifests and configs, by digest. */
interface Contents {
  readonly manifests: Map<Digest, { readonly mediaType: string; readonly bytes: Uint8Array }>;
  readonly configs: Map<Digest, Uint8Array>;
}

/** Indexes in indexes in indexes: more than any tool makes. */
const DEPTH = 16;

/** True for what stands in the `manifest.json` of imgpkg, false for that of Docker. */
export function isImgpkgList(list: readonly unknown[]): boolean {
  return (
    list.length > 0 && list.every((entry) => isObject(entry) && ('Image' in entry || 'ImageIndex' in entry))
  );
}

/** Reads imgpkg's tar from its parsed `manifest.json`. Throws OciError `CONTENT_INVALID`. */
export function imgpkgSource(tar: TarFile, list: readonly unknown[]): ImgpkgArchive {
  const contents: Contents = { manifests: new Map(), configs: new Map() };
  const entries = list.map((value, at) => {
    const where = `manifest.json of ${tar.name}: entry ${at}`;
    if (!isObject(value)) throw corrupt(`${where} is not an object`);
    return isObject(value.ImageIndex)
      ? readIndex(value.ImageIndex, where, contents, 0)
      : readImage(value.Image, where, contents);
  });
  return new ImgpkgSource(tar, entries, contents);
}

function readIndex(
  value: Record<string, unknown>,
  where: string,
  contents: Contents,
  depth: number,
): ImgpkgEntry {
  if (depth > DEPTH) throw corrupt(`${where} is nested more than ${DEPTH} deep`);
  for (const image of listOf(value.Images, where)) readImage(image, where, contents);
  for (const index of listOf(value.Indexes, where)) {
    if (!isObject(index)) throw corrupt(`${where} lists an index that is not an object`);
    readIndex(index, where, contents, depth + 1);
  }
  return entryOf(value, value, where, contents);
}

function readImage(value: unknown, where: string, contents: Contents): ImgpkgEntry {
  if (!isObject(value) || !isObject(value.Manifest))
    throw corrupt(`${where} has neither an image nor an index`);
  if (isObject(value.Config)) {
    const config = documentOf(value.Config, where);
    contents.configs.set(config.digest, config.bytes);
  }
  return entryOf(value, value.Manifest, where, contents);
}

/** @param document what has `MediaType`, `Digest` and `Raw`: an index itself, the manifest of an image */
function entryOf(
  value: Record<string, unknown>,
  document: Record<string, unknown>,
  where: string,
  contents: Contents,
): ImgpkgEntry {
  const { MediaType: mediaType } = document;
  if (typeof mediaType !== 'string') throw corrupt(`${where} has no MediaType`);
  const { digest, bytes } = documentOf(document, where);
  contents.manifests.set(digest, { mediaType, bytes });
  const { Refs: refs, Tag: tag, OrigRef: reference, Labels: labels } = value;
  if (!isStringList(refs ?? [])) throw corrupt(`${where}: Refs is not a list of references`);
  if (!isStringMap(labels ?? {})) throw corrupt(`${where}: Labels is not a map of strings`);
  return {
    descriptor: { mediaType, digest, size: bytes.length },
    refs: (refs ?? []) as string[],
    ...(typeof tag === 'string' && tag !== '' && { tag }),
    ...(typeof reference === 'string' && reference !== '' && { originalReference: reference }),
    labels: (labels ?? {}) as Record<string, string>,
  };
}

function documentOf(
  value: Record<string, unknown>,
  where: string,
): { readonly digest: Digest; readonly bytes: Uint8Array } {
  const { Digest: digest, Raw: raw } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) throw corrupt(`${where} has a Digest that is none`);
  if (typeof raw !== 'string') throw corrupt(`${where}: ${digest} has no Raw`);
  return { digest: parseDigest(digest), bytes: Buffer.from(raw) };
}

/** Go writes an empty list as null. */
function listOf(value: unknown, where: string): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw corrupt(`${where}: Images or Indexes is not a list`);
  return value;
}

class ImgpkgSource implements ImgpkgArchive {
  readonly name: string;
  readonly entries: readonly ImgpkgEntry[];
  readonly #tar: TarFile;
  readonly #contents: Contents;

  constructor(tar: TarFile, entries: readonly ImgpkgEntry[], contents: Contents) {
    this.name = `imgpkg-archive:${tar.name}`;
    this.#tar = tar;
    this.entries = entries;
    this.#contents = contents;
  }

  async resolve(reference: string): Promise<Descriptor | undefined> {
    if (!isDigest(reference)) return findNamed(this.#named(), reference, this.name);
    const found = this.#contents.manifests.get(reference);
    return found && { mediaType: found.mediaType, digest: reference, size: found.bytes.length };
  }

  async manifest({ digest }: Descriptor): Promise<Uint8Array> {
    const found = this.#contents.manifests.get(digest);
    if (found === undefined)
      throw new OciError('MANIFEST_UNKNOWN', `${this.name} does not have manifest ${digest}`);
    return found.bytes;
  }

  async blob(
    { digest }: Descriptor,
    { range, ...options }: CallOptions & { readonly range?: ByteRange } = {},
  ): Promise<ByteStream> {
    const config = this.#contents.configs.get(digest);
    if (config !== undefined)
      return streamOf(range === undefined ? config : config.subarray(range.start, range.end + 1));
    // Whatever the layer is, its entry is called so.
    const file = this.#tar.file(`${digest.replace(':', '-')}.tar.gz`);
    if (file === undefined) throw new OciError('BLOB_UNKNOWN', `${this.name} does not have blob ${digest}`);
    const { start, length } = sliceOf(range, file.size);
    return this.#tar.read(file.start + start, length, options);
  }

  async *tags(): AsyncGenerator<string> {
    yield* [...new Set(this.entries.flatMap(({ tag }) => tag ?? []))].toSorted();
  }

  async *roots(): AsyncGenerator<Root> {
    for (const { descriptor, tag } of this.entries) yield { descriptor, ...(tag !== undefined && { tag }) };
  }

  async close(): Promise<void> {
    await this.#tar.close();
  }

  #named(): readonly Named<Descriptor>[] {
    return this.entries.map(({ descriptor, refs, tag, originalReference }) => {
      const tagged = tag === undefined ? [] : [tag, ...refs.map((ref) => `${ref.split('@', 1)[0]}:${tag}`)];
      const names = [...refs, ...(originalReference === undefined ? [] : [originalReference]), ...tagged];
      return { names, digest: descriptor.digest, item: descriptor };
    });
  }
}
