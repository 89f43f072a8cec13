import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { collect, OciError, printable, type CallOptions } from '../../oci/index.js';
import { decompress, detectCompression, MAGIC_LENGTH } from '../../image/compression.js';
import { partsOf } from '../../image/files/paths.js';
import { readTar, type TarEntry } from '../../image/tar/index.js';

const CHUNK = 1 << 20;

/** Whether a file is packed with gzip or zstd, by its first bytes. */
export async function isPacked(path: string): Promise<boolean> {
  const first = createReadStream(path, { start: 0, end: MAGIC_LENGTH - 1 });
  return detectCompression(await collect(first, MAGIC_LENGTH, path)) !== 'none';
}

/**
 * Looks at the first entry of a file that is to be a tar, packed or not.
 * @throws OciError `CONTENT_INVALID` for what is none
 */
export async function checkTar(path: string, options: CallOptions): Promise<void> {
  const what = `-f ${printable(path)}`;
  const unpacked = decompress(createReadStream(path), { ...options, what });
  const entries = readTar(unpacked, { ...options, what });
  try {
    await entries.next();
  } catch (error) {
    throw new OciError(
      'CONTENT_INVALID',
      `${what} is no tar: ${(error as Error).message}; to add the file itself, say where: ${printable(path)}:/place/in/image`,
      { cause: error },
    );
  } finally {
    await entries.return?.(undefined);
  }
}

/**
 * The entries of a tar of one file and the folders above it: permission bits kept, no owner.
 * @param at its place in the image; with a slash at the end, the folder that it lies in under its own name
 * @param mtime seconds since 1970
 */
export async function* fileEntries(path: string, at: string, mtime = 0): AsyncGenerator<TarEntry> {
  const { mode, size } = await stat(path);
  const common = { uid: 0, gid: 0, mtime };
  const parts = partsOf(at.endsWith('/') ? `${at}${basename(path)}` : at, 'the place in the image');
  for (let count = 1; count < parts.length; count++)
    yield { name: `${parts.slice(0, count).join('/')}/`, type: 'directory', mode: 0o755, ...common };
  yield {
    name: parts.join('/'),
    type: 'file',
    mode: mode & 0o7777,
    size,
    ...(size > 0 && { body: createReadStream(path, { highWaterMark: CHUNK }) }),
    ...common,
  };
}
