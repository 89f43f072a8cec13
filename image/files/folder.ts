import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError, quote, type CallOptions, type Layer } from '../../oci/index.js';
import { createLayer, type LayerOptions } from '../layer.js';
import { systemCode } from '../layout/files.js';
import { writeTar, type TarEntry } from '../tar/index.js';
import { sourceDateEpoch } from '../time.js';
import { readAhead, type SizedFile } from './ahead.js';
import { readFrom } from './nearby.js';
import { partsOf } from './paths.js';

/** Options of `folderEntries`. */
export interface FolderOptions extends CallOptions {
  /** Where the folder's content lies in the image: `/opt/app`. Default: the root. */
  readonly at?: string;
  /** Whose files they are. Default: 0 and 0, whoever has them here. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** The time of everything. Default: what `SOURCE_DATE_EPOCH` says, or 1970. */
  readonly mtime?: Date;
  /** Hears of what is left out: sockets and devices. */
  readonly onNotice?: (message: string) => void;
}

/** Options of `layerFromFolder`. */
export type FolderLayerOptions = FolderOptions & LayerOptions;

/**
 * A layer of what is in a folder, which must stay as it is while the layer is in use. The same content gives the same
 * digest on every machine: names are sorted by their bytes, times and owners are set, permission bits kept. Links stay links, and
 * files that are one here are hard links there. Files are read when the layer is, and never held in memory.
 * @throws OciError `INVALID_OPTION` for a folder that cannot be read, `SIZE_INVALID` for a file that changes meanwhile
 */
export async function layerFromFolder(folder: string, options: FolderLayerOptions = {}): Promise<Layer> {
  // What is left out is told once, not each time the layer is read.
  const told = new Set<string>();
  const onNotice = (message: string): void => {
    if (!told.has(message)) options.onNotice?.(message);
    told.add(message);
  };
  return await createLayer(
    (call) => writeTar(folderEntries(folder, { ...options, ...call, onNotice })),
    options,
  );
}

/**
 * The entries of a tar of what is in a folder: folders first, those above the place in the image too, then what is in
 * them.
 * @throws OciError as `layerFromFolder`
 */
export async function* folderEntries(folder: string, options: FolderOptions = {}): AsyncGenerator<TarEntry> {
  const { at = '/', owner = { uid: 0, gid: 0 }, mtime = sourceDateEpoch(), signal } = options;
  const common = { ...owner, mtime: mtime === undefined ? 0 : Math.floor(mtime.getTime() / 1000) };
  const parts = partsOf(at, 'the place in the image');
  // The folder itself may be a link; what is in it is not followed.
  if (!(await readable(folder, stat(folder))).isDirectory())
    throw new OciError('INVALID_OPTION', `${quote(folder)} is not a folder`);
  for (let count = 1; count <= parts.length; count++)
    yield { name: `${parts.slice(0, count).join('/')}/`, type: 'directory', mode: 0o755, ...common };
  const seen = new Map<string, string>();
  const all = walk(folder, parts.map((part) => `${part}/`).join(''));
  for await (const { entry: found, content } of readAhead(all, fileOf)) {
    signal?.throwIfAborted();
    const entry = await entryOf(found, content, seen);
    if (entry !== undefined) yield { ...entry, ...common };
    else
      options.onNotice?.(
        `${quote(found.path)} is a socket or a device, which no layer can have: it is left out`,
      );
  }
}

interface Found {
  readonly path: string;
  /** In the image. */
  readonly name: string;
  readonly stats: Stats;
}

async function* walk(folder: string, prefix: string): AsyncGenerator<Found> {
  const names = await readable(folder, readdir(folder));
  const sorted = names.map((name) => Buffer.from(name)).toSorted((a, b) => Buffer.compare(a, b));
  for (const bytes of sorted) {
    const name = bytes.toString();
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop
    const stats = await readable(path, lstat(path));
    yield { path, name: prefix + name, stats };
    if (stats.isDirectory()) yield* walk(path, `${prefix}${name}/`);
  }
}

/** What can be read before its turn: of files with more than one name only the first is read. */
const fileOf = ({ path, stats }: Found): SizedFile | undefined =>
  stats.isFile() && stats.nlink === 1 && stats.size > 0 ? { path, size: stats.size } : undefined;

/**
 * @param content what is in it, where that is on its way
 * @param seen where files of more than one name were found first
 */
async function entryOf(
  { path, name, stats }: Found,
  content: Promise<Uint8Array> | undefined,
  seen: Map<string, string>,
): Promise<TarEntry | undefined> {
  const mode = stats.mode & 0o7777;
  if (stats.isDirectory()) return { name: `${name}/`, type: 'directory', mode };
  if (stats.isSymbolicLink())
    return { name, type: 'symlink', mode: 0o777, linkname: await readable(path, readlink(path)) };
  if (stats.isFIFO()) return { name, type: 'fifo', mode };
  if (!stats.isFile()) return undefined;
  const inode = `${stats.dev}:${stats.ino}`;
  const first = stats.nlink > 1 ? seen.get(inode) : undefined;
  if (first !== undefined) return { name, type: 'link', mode, linkname: first };
  if (stats.nlink > 1) seen.set(inode, name);
  return {
    name,
    type: 'file',
    mode,
    size: stats.size,
    ...(stats.size > 0 && { body: bodyOf(path, content) }),
  };
}

async function* bodyOf(path: string, content: Promise<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  try {
    if (content === undefined) yield* readFrom(path);
    else yield await content;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readable<T>(path: string, value: Promise<T>): Promise<T> {
  try {
    return await value;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined || !(cause instanceof Error)) return cause;
  const why =
    code === 'ENOENT' && path.includes('\uFFFD')
      ? 'its name is not UTF-8, which layers are in'
      : cause.message;
  return new OciError(
    code === 'EACCES' || code === 'EPERM' ? 'DENIED' : 'INVALID_OPTION',
    `cannot read ${quote(path)}: ${why}`,
    { cause },
  );
}
