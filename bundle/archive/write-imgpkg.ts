import {
  MANIFEST_LIMIT,
  OciError,
  collect,
  isManifestType,
  isNonDistributable,
  isObject,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
  type ImageManifest,
} from '../../oci/index.js';
import { ArchiveWriter } from '../../image/archive/archive-writer.js';
import { encodeGoJson } from '../../image/archive/docker-names.js';
import type { ArchiveTarget } from '../../image/archive/index.js';
import { openOutput } from '../../image/archive/output.js';
import { openBlob, readManifest } from '../../image/read.js';
import type { Source } from '../../image/media.js';
import { isLayerType } from '../../image/views/layer.js';
import { GatheredSource } from '../copy/gathered.js';
import type { CopyItem, CopySet } from '../copy/set.js';
import { noticeUnrestricted } from '../copy/to-repository.js';
import { ROOT_MARK } from './marks.js';
import { overlaid } from './overlay.js';
import type { ToArchiveOptions } from './write-layout.js';

/** Options of `writeImgpkgTar`. */
export interface ImgpkgTarOptions extends ToArchiveOptions {
  /** Told of every entry that was written, and how long it took, in milliseconds. */
  readonly onEntry?: (name: string, elapsed: number) => void;
}

/** What stands in `manifest.json` for an image; keys in this order. */
interface ImageEntry {
  readonly Refs: readonly string[];
  readonly Layers: readonly object[] | null;
  readonly Config: object;
  readonly Manifest: object;
  readonly Tag: string;
  readonly OrigRef: string;
  readonly Labels: Readonly<Record<string, string>> | null;
}

/** What stands there for an index. */
interface IndexEntry {
  readonly Refs: readonly string[];
  readonly Images: readonly ImageEntry[] | null;
  readonly Indexes: readonly IndexEntry[] | null;
  readonly MediaType: string;
  readonly Digest: Digest;
  readonly Raw: string;
  readonly Tag: string;
  readonly OrigRef: string;
  readonly Labels: Readonly<Record<string, string>> | null;
}

/**
 * Writes a set as imgpkg's own tar: a list with all manifests and configs as text, then each layer once, by its digest.
 * @returns non-distributable layers that were left out, by the reference of what has them
 * @throws OciError `UNSUPPORTED` for what the format cannot hold, what the places throw, `STORE_FULL`
 */
export async function writeImgpkgTar(
  set: CopySet,
  target: ArchiveTarget,
  options: ImgpkgTarOptions = {},
): Promise<ReadonlyMap<string, readonly Descriptor[]>> {
  const { signal, reuse, onEntry } = options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  const gathered = new GatheredSource(set.items);
  const source = reuse === undefined ? gathered : overlaid(gathered, reuse);
  const lister = new Lister(source, options.nonDistributable === true, call);
  const byDigest = set.items.toSorted((a, b) => (a.descriptor.digest < b.descriptor.digest ? -1 : 1));
  const list: object[] = [];
  // oxlint-disable-next-line no-await-in-loop
  for (const item of byDigest) list.push(await lister.entry(item, item === set.root));
  const writer = new ArchiveWriter(await openOutput(target), {});
  const written = async (name: string, write: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await write();
    onEntry?.(name, performance.now() - began);
  };
  try {
    await written('manifest.json', () => writer.bytes('manifest.json', encodeGoJson(list), call));
    for (const descriptor of [...lister.layers.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
      const name = `${descriptor.digest.replace(':', '-')}.tar.gz`;
      options.onProgress?.({ type: 'started', descriptor });
      // oxlint-disable-next-line no-await-in-loop -- one after the other in the file
      const stream = await openBlob(source, descriptor, call);
      // oxlint-disable-next-line no-await-in-loop
      await written(name, () => writer.file(name, descriptor.size, () => stream, call));
      options.onProgress?.({ type: 'done', descriptor });
    }
    await writer.finish(call);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  await noticeUnrestricted(set, gathered, options);
  return lister.left;
}

/** What children of an index have of it. */
interface Named {
  readonly reference: string;
  readonly tag: string;
  readonly origin: string;
}

/** Reads manifests and configs, and notes layers. */
class Lister {
  readonly layers = new Map<Digest, Descriptor>();
  readonly left = new Map<string, Descriptor[]>();
  readonly #source: Source;
  readonly #all: boolean;
  readonly #call: CallOptions;

  /** @param all whether layers that may not be distributed are taken too */
  constructor(source: Source, all: boolean, call: CallOptions) {
    this.#source = source;
    this.#all = all;
    this.#call = call;
  }

  async entry({ descriptor, reference, origin = '', tag = '' }: CopyItem, isRoot: boolean): Promise<object> {
    const named = { reference, tag, origin };
    const { image, index } = await this.#read(descriptor, named, isRoot ? { [ROOT_MARK]: '' } : null);
    return { ImageIndex: index, Image: image };
  }

  async #read(
    descriptor: Descriptor,
    named: Named,
    labels: ImageEntry['Labels'] = null,
  ): Promise<{ readonly image: ImageEntry | null; readonly index: IndexEntry | null }> {
    const bytes = await readManifest(this.#source, descriptor, this.#call);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const raw = textOf(bytes, `manifest ${descriptor.digest}`);
    const rest = { Tag: named.tag, OrigRef: named.origin, Labels: labels };
    const own = { MediaType: manifest.mediaType, Digest: descriptor.digest, Raw: raw };
    const refs = [`${named.reference.split('@', 1)[0]}@${descriptor.digest}`];
    if (manifest.kind === 'index') {
      const images: ImageEntry[] = [];
      const indexes: IndexEntry[] = [];
      for (const child of manifest.manifests) {
        if (!isManifestType(child.mediaType)) throw cannotHold(`index ${descriptor.digest} lists a blob`);
        // oxlint-disable-next-line no-await-in-loop
        const { image, index } = await this.#read(child, named);
        if (image !== null) images.push(image);
        if (index !== null) indexes.push(index);
      }
      return {
        image: null,
        index: { Refs: refs, Images: orNull(images), Indexes: orNull(indexes), ...own, ...rest },
      };
    }
    const config = await this.#config(manifest);
    const layers = this.#layers(manifest, config, named.reference);
    const image = { Refs: refs, Layers: orNull(layers), Config: config.entry, Manifest: own, ...rest };
    return { image, index: null };
  }

  async #config({
    config,
  }: ImageManifest): Promise<{ readonly entry: object; readonly diffIds: readonly unknown[] }> {
    const what = `config ${config.digest}`;
    const bytes = await collect(await openBlob(this.#source, config, this.#call), MANIFEST_LIMIT, what);
    const raw = textOf(bytes, what);
    return { entry: { Digest: config.digest, Raw: raw }, diffIds: diffIdsOf(raw) };
  }

  #layers(
    manifest: ImageManifest,
    { diffIds }: { readonly diffIds: readonly unknown[] },
    reference: string,
  ): object[] {
    return manifest.layers.map((layer, at) => {
      const { mediaType, digest, size } = layer;
      const diffId = diffIds[at];
      if (isNonDistributable(mediaType) && !this.#all) {
        this.left.set(reference, [...(this.left.get(reference) ?? []), layer]);
      } else this.layers.set(digest, layer);
      const known = isLayerType(mediaType) && typeof diffId === 'string' ? diffId : '';
      return { MediaType: mediaType, Digest: digest, DiffID: known, Size: size };
    });
  }
}

const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

function diffIdsOf(config: string): readonly unknown[] {
  try {
    const document = JSON.parse(config) as unknown;
    const rootfs = isObject(document) ? document.rootfs : undefined;
    const ids = isObject(rootfs) ? rootfs.diff_ids : undefined;
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}

/** Bytes as the text that the format keeps. */
function textOf(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw cannotHold(`${what} is not UTF-8`);
  }
}

function cannotHold(why: string): OciError {
  return new OciError(
    'UNSUPPORTED',
    `${why}, which imgpkg's tar cannot hold: write it with --tar-format oci`,
  );
}
