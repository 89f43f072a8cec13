import { chmod, lstat, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError, quote } from '../../oci/index.js';
import { freshName, ifThere, replaceFile, withRoom } from '../../image/layout/files.js';
import { parseImagesLock, type ImagesLock } from '../locks/index.js';
import { BUNDLE_FOLDER, IMAGES_FILE } from '../names.js';
import { IMAGES_PATH } from '../read/bundle.js';
import { YAML_LIMIT, invalid } from '../yaml/read.js';

/**
 * A folder below another one, made where it is not there. None of the folders on the way may be a link: what was unpacked
 * there may lead anywhere.
 * @throws OciError `CONTENT_INVALID` for links and files in the way
 */
export async function folderInside(folder: string, ...parts: readonly string[]): Promise<string> {
  let path = folder;
  for (const part of parts) {
    path = join(path, part);
    // oxlint-disable-next-line no-await-in-loop
    const found = await ifThere(lstat(path));
    // oxlint-disable-next-line no-await-in-loop
    if (found === undefined) await withRoom(mkdir(path));
    else if (!found.isDirectory())
      throw new OciError('CONTENT_INVALID', `the bundle has ${quote(part)} as something else than a folder`);
  }
  return path;
}

/** Gives a file new content, with the rights it has. A link in its place is replaced, and not followed. */
export async function rewriteInside(folder: string, parts: readonly string[], text: string): Promise<void> {
  const [name = '', ...above] = parts.toReversed();
  const parent = await folderInside(folder, ...above.toReversed());
  const path = join(parent, name);
  const found = await ifThere(lstat(path));
  const temporary = freshName(folder, '.');
  await replaceFile(temporary, Buffer.from(text), `${temporary}.new`);
  if (found?.isFile() === true) await chmod(temporary, found.mode & 0o777);
  await rename(temporary, path);
}

/**
 * The list of images of a bundle that was just unpacked.
 * @throws OciError `CONTENT_INVALID` when there is none, when it is no plain file, and for what it says
 */
export async function readExtractedLock(folder: string): Promise<ImagesLock> {
  const path = join(await folderInside(folder, BUNDLE_FOLDER), IMAGES_FILE);
  const found = await ifThere(lstat(path));
  if (found?.isFile() !== true)
    throw invalid(`${IMAGES_PATH} of the bundle`, 'it is not there as a plain file');
  if (found.size > YAML_LIMIT)
    throw new OciError('SIZE_LIMIT', `${IMAGES_PATH} is larger than ${YAML_LIMIT} bytes`);
  return parseImagesLock(await readFile(path, 'utf8'), `${IMAGES_PATH} of the bundle`);
}
