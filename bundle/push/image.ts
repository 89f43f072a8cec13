import { createReadStream, readFile } from 'node:fs';
import { promisify } from 'node:util';
import { MEDIA_TYPES, describe, streamOf, type CallOptions } from '../../oci/index.js';
import { layerFromStream } from '../../image/files/stream-layer.js';
import { ZERO_TIME, encodeGo } from '../../image/go-json.js';
import { writeTar, type TarEntry } from '../../image/tar/index.js';
import { makeImage } from '../../image/views/made.js';
import type { ImageView } from '../../image/views/image.js';
import { walkInputs, type InputEntry } from './files.js';
import { abortable } from '../../image/abortable.js';

/** Whose media types the image has. */
export interface PackOptions extends CallOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /** OCI's media types in place of Docker's, which imgpkg has. Default false. */
  readonly oci?: boolean;
}

/** An image that was just made. */
export interface PackedImage {
  readonly image: ImageView;
  /** Takes its layer away. */
  close(): Promise<void>;
}

/** How files become entries. */
export interface FilesOptions extends CallOptions {
  readonly exclude?: readonly string[];
  /** Whether modes are kept, and not only what they give their owner. Default false. */
  readonly preservePermissions?: boolean;
  /** Hears of every entry before it is read. */
  readonly onEntry?: (entry: InputEntry) => void;
}

/** That of node:fs/promises takes three times as long for a small file. */
const readSmall = promisify(readFile);

const CHUNK = 1 << 20;
const OWNER = 0o700;

/** Files and folders as entries of a tar, as imgpkg makes them: nobody's, of no time, folders without a slash at the end. */
export async function* filesAsEntries(
  paths: readonly string[],
  { preservePermissions = false, onEntry, exclude, signal }: FilesOptions = {},
): AsyncGenerator<TarEntry> {
  const call = signal === undefined ? {} : { signal };
  const entries = walkInputs(paths, { ...call, ...(exclude && { exclude }) });
  for await (const { entry, content } of withContent(entries)) {
    onEntry?.(entry);
    const { name, path, type, mode, size } = entry;
    if (type === 'directory') yield { name, type, mode: preservePermissions ? mode : OWNER };
    else {
      const body =
        content === undefined
          ? abortable(createReadStream(path, { highWaterMark: CHUNK }), call)
          : [await content];
      yield { name, type, mode: preservePermissions ? mode : mode & OWNER, size, body };
    }
  }
}

/** Smaller files are read ahead, so many at once; sizes are bytes. */
const SMALL = 64 * 1024;
const AHEAD = 32;

/** An entry, and what is in it where that is on its way already. */
interface Loaded {
  readonly entry: InputEntry;
  readonly content: Promise<Uint8Array> | undefined;
}

async function* withContent(entries: AsyncIterable<InputEntry>): AsyncGenerator<Loaded> {
  const waiting: Loaded[] = [];
  for await (const entry of entries) {
    const isSmall = entry.type === 'file' && entry.size <= SMALL;
    const content = isSmall ? readSmall(entry.path) : undefined;
    // Who awaits it hears of it.
    content?.catch(() => undefined);
    waiting.push({ entry, content });
    const first = waiting.length > AHEAD ? waiting.shift() : undefined;
    if (first !== undefined) yield first;
  }
  yield* waiting;
}

/** One small file in an image of its own, as imgpkg packs what it notes. */
export function fileAsEntries(name: string, content: Uint8Array): readonly TarEntry[] {
  return [
    { name: '.', type: 'directory', mode: OWNER },
    { name, type: 'file', mode: 0o600, size: content.length, body: streamOf(content) },
  ];
}

/**
 * An image of one layer, byte for byte as imgpkg makes it: the same files have the same digest on every machine. The layer
 * is written to a temporary file once, until it is closed.
 * @throws OciError `STORE_FULL`, what reading the entries throws
 */
export async function packImage(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
  { labels = {}, oci = false, signal }: PackOptions = {},
): Promise<PackedImage> {
  const call = signal === undefined ? {} : { signal };
  const layer = await layerFromStream(writeTar(entries), { family: oci ? 'oci' : 'docker', ...call });
  const made = { author: 'imgpkg', created: ZERO_TIME, created_by: 'imgpkg' };
  const config = encodeGo(
    {
      architecture: '',
      created: ZERO_TIME,
      history: [made],
      os: '',
      rootfs: { type: 'layers', diff_ids: [await layer.diffId()] },
      config: Object.keys(labels).length === 0 ? {} : { Labels: labels },
    },
    'config',
  );
  const raw = encodeGo(
    {
      schemaVersion: 2,
      mediaType: oci ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.dockerManifest,
      config: describe(oci ? MEDIA_TYPES.ociConfig : MEDIA_TYPES.dockerConfig, config),
      layers: [layer.descriptor],
    },
    'manifest',
  );
  return { image: makeImage({ raw, config, layers: [layer] }), close: () => layer.close() };
}
