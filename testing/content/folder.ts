import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { OciError, quote } from '../../oci/index.js';
import type { FileEntry, Files } from './tar.js';

/**
 * The files of a folder, for a layer: equal folders give equal layers, whoever owns them and whenever they were written.
 * Of modes only whether a file can be executed counts. All of it is held in memory.
 * @throws OciError `INVALID_OPTION` for what cannot be read, or is no file, folder or link
 */
export async function filesOf(folder: string): Promise<Files> {
  const files: Record<string, FileEntry> = {};
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const name = relative(folder, path).replaceAll('\\', '/');
      if (entry.isDirectory()) files[`${name}/`] = '';
      else if (entry.isSymbolicLink()) files[name] = { link: await readlink(path) };
      else if (entry.isFile()) {
        const executable = ((await stat(path)).mode & 0o100) !== 0;
        files[name] = { content: await readFile(path), mode: executable ? 0o755 : 0o644 };
      } else throw new Error(`${path} is no file, folder or link`);
    }
  } catch (cause) {
    throw new OciError('INVALID_OPTION', `seed of folder ${quote(folder)}: ${(cause as Error).message}`, {
      cause,
    });
  }
  return files;
}
