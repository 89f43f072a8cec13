import { constants } from 'node:fs';
import { open, rename, rmdir, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { OciError, type ByteRange, type CallOptions } from '../../oci/index.js';

/** Bytes that are read or asked for at once. */
const CHUNK = 1 << 20;

/** Windows has no such flag; there, links need rights that few have. */
const NO_FOLLOW = (constants.O_NOFOLLOW as number | undefined) ?? 0;

/** The code of an error of the operating system: `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The value, or undefined where the operating system says that there is no such file or folder. */
export async function ifThere<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Opens a file for reading that is itself no link.
 * @throws what the operating system says: `ELOOP` for a link
 */
export function openPlain(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | NO_FOLLOW);
}

/** The bytes of a file from a position on, fewer where it ends before. While one piece is used the next one is read. */
export async function* readSlice(
  file: FileHandle,
  start: number,
  length: number,
  { signal }: CallOptions = {},
): AsyncGenerator<Uint8Array> {
  const end = start + length;
  let position = start;
  const next = async (): Promise<Uint8Array> => {
    signal?.throwIfAborted();
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, end - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    position += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  let ahead = position < end ? next() : undefined;
  try {
    while (ahead !== undefined) {
      // oxlint-disable-next-line no-await-in-loop -- one is ahead
      const bytes: Uint8Array = await ahead;
      if (bytes.length === 0) return;
      ahead = position < end ? next() : undefined;
      yield bytes;
    }
  } finally {
    // The file must not be closed under a read.
    await ahead?.catch(() => undefined);
  }
}

/**
 * Writes all of a piece, without a position behind what was written before.
 * @throws OciError `STORE_FULL`
 */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    // oxlint-disable-next-line no-await-in-loop -- a piece that was written in part
    const { bytesWritten } = await withRoom(
      file.write(bytes, done, bytes.length - done, position === null ? null : position + done),
    );
    done += bytesWritten;
  }
}

/** Makes the entries of a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; its entries are durable with the journal.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Writes a whole file in one step: readers see the old content or the new, whatever happens.
 * @param temporary where it is written first: on the same file system, and nobody else's
 * @throws OciError `STORE_FULL`
 */
export async function replaceFile(path: string, bytes: Uint8Array, temporary: string): Promise<void> {
  const file = await withRoom(open(temporary, 'w', 0o644));
  try {
    await writeAll(file, bytes, 0);
    await withRoom(file.sync());
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** A name in a folder that nothing else has. */
export function freshName(folder: string, prefix = ''): string {
  return join(folder, `${prefix}${randomBytes(8).toString('hex')}`);
}

/** Whether a file was last written so many milliseconds ago or more; false for one that is not there. */
export async function isOlder(path: string, age: number): Promise<boolean> {
  const found = await ifThere(stat(path));
  return found !== undefined && found.mtimeMs < Date.now() - age;
}

/**
 * Waits for a write.
 * @throws OciError `STORE_FULL` where there is no more room
 */
export async function withRoom<T>(written: Promise<T>): Promise<T> {
  try {
    return await written;
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause;
    throw new OciError('STORE_FULL', `the disk is full: ${(cause as Error).message}`, { cause });
  }
}

/** Takes a folder away, unless something is in it. */
export async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
  }
}

/** The part of `size` bytes that a range covers, or all of them. */
export function sliceOf(
  range: ByteRange | undefined,
  size: number,
): { readonly start: number; readonly length: number } {
  const start = Math.min(range?.start ?? 0, size);
  const end = Math.min(range?.end ?? Infinity, size - 1);
  return { start, length: Math.max(0, end + 1 - start) };
}
