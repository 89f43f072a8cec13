import { createReadStream } from 'node:fs';
import { MEDIA_TYPES, describe, streamOf, type CallOptions } from '../../oci/index.js';
import { readAhead } from '../../image/files/ahead.js';
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

const CHUNK = 1 << 20;
const OWNER = 0o700;

/** Files and folders as entries of a tar, as imgpkg makes them: nobody's, of no time, folders without a slash at the end. */
export async function* filesAsEntries(
  paths: readonly string[],
  { preservePermissions = false, onEntry, exclude, signal }: FilesOptions = {},
): AsyncGenerator<TarEntry> {
  const call = signal === undefined ? {} : { signal };
  const entries = walkInputs(paths, { ...call, ...(exclude && { exclude }) });
  for await (const { entry, content } of readAhead(entries, (one) =>
    one.type === 'file' ? one : undefined,
  )) {
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
