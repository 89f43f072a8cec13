import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { BundleLock, ImagesLock } from '../../bundle/index.js';
import { OciError, quote } from '../../oci/index.js';
import { whyUnreadable } from '../values/unreadable.js';

/** Reads a lock file of either kind. Throws OciError `INVALID_OPTION` for no file, `CONTENT_INVALID`. */
export async function readLock(path: string): Promise<BundleLock | ImagesLock> {
  const { parseLock } = await import('../../bundle/index.js');
  return parseLock(await textOf(path), path);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new OciError('INVALID_OPTION', `Reading path ${quote(path)}: ${whyUnreadable(cause)}`, { cause });
  }
}

/** Writes a lock file in one step. Only its owner may read it, as imgpkg has it. */
export async function writeLock(path: string, lock: BundleLock | ImagesLock): Promise<void> {
  const { printBundleLock, printImagesLock } = await import('../../bundle/index.js');
  const text = 'images' in lock ? printImagesLock(lock) : printBundleLock(lock);
  const temporary = `${path}.${process.pid}.part`;
  try {
    await writeFile(temporary, text, { mode: 0o600 });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new OciError('INVALID_OPTION', `Writing lock file ${quote(path)}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
