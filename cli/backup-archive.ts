import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';

/** True for a name that asks for an archive and not for a folder. */
export const isArchiveName = (path: string): boolean => /\.(?:tar|tar\.gz|tgz)$/.test(path);

/** Packs a folder into a tar, compressed when its name says so. The file is there when it is whole. */
export async function packFolder(folder: string, file: string): Promise<void> {
  const partial = `${file}.partial`;
  const archive = pack();
  const target = createWriteStream(partial, { mode: 0o600 });
  try {
    const written = file.endsWith('.tar')
      ? pipeline(archive, target)
      : pipeline(archive, createGzip(), target);
    await Promise.all([fill(archive, folder), written]);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function fill(archive: Pack, folder: string): Promise<void> {
  try {
    await addEntries(archive, folder, '');
    archive.finalize();
  } catch (error) {
    archive.destroy(error as Error);
    throw error;
  }
}

/** Adds what lies below a folder, in order of names. */
async function addEntries(archive: Pack, root: string, prefix: string): Promise<void> {
  for (const name of (await readdir(join(root, prefix))).toSorted()) {
    const path = join(root, prefix, name);
    const { mode, mtime, size, ...kind } = await lstat(path).then((stats) => ({
      mode: stats.mode & 0o777,
      mtime: stats.mtime,
      size: stats.size,
      isFolder: stats.isDirectory(),
      isFile: stats.isFile(),
    }));
    const header = { name: `${prefix}${name}`, mode, mtime, uid: 0, gid: 0 };
    if (kind.isFolder) {
      archive.entry({ ...header, type: 'directory' });
      await addEntries(archive, root, `${header.name}/`);
    } else if (kind.isFile) {
      await pipeline(createReadStream(path), archive.entry({ ...header, size }));
    }
  }
}
