import { lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { OciError, quote } from '../oci/index.js';
import { freshName, ifThere, withRoom } from '../image/layout/files.js';
import { API_VERSION } from './locks/lock-file.js';
import { printImagesLock, type ImagesLock } from './locks/index.js';
import { BUNDLE_FOLDER, IMAGES_FILE } from './names.js';
import { printYaml } from './yaml/print.js';

/** What is said about a bundle; nothing reads it but people. */
const ABOUT_FILE = 'bundle.yml';

/**
 * Makes an ordinary folder a bundle: `.imgpkg` with the list of its images and with what is said about it, in one step.
 * @param lock the images. Default none
 * @returns the paths of the files that were made
 * @throws OciError `INVALID_OPTION` when there is no such folder, or it has a `.imgpkg` already; `STORE_FULL`
 */
export async function initBundle(
  folder: string,
  lock: ImagesLock = { images: [] },
): Promise<readonly string[]> {
  await checkFolder(folder);
  const place = join(folder, BUNDLE_FOLDER);
  const about = { apiVersion: API_VERSION, kind: 'Bundle', metadata: { name: basename(resolve(folder)) } };
  const files = { [IMAGES_FILE]: printImagesLock(lock), [ABOUT_FILE]: `---\n${printYaml(about)}` };
  const temporary = freshName(folder, `${BUNDLE_FOLDER}-`);
  try {
    await mkdir(temporary);
    for (const [name, text] of Object.entries(files))
      // oxlint-disable-next-line no-await-in-loop -- two
      await withRoom(writeFile(join(temporary, name), text));
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return Object.keys(files).map((name) => join(place, name));
}

/**
 * Checks that a folder can be made a bundle.
 * @throws OciError `INVALID_OPTION`
 */
export async function checkFolder(folder: string): Promise<void> {
  const refused = (problem: string): OciError =>
    new OciError('INVALID_OPTION', `Making ${quote(folder)} a bundle: ${problem}`);
  if ((await ifThere(lstat(resolve(folder))))?.isDirectory() !== true)
    throw refused('there is no such folder');
  if ((await ifThere(lstat(join(folder, BUNDLE_FOLDER)))) !== undefined)
    throw refused(
      `it has a ${BUNDLE_FOLDER} already; \`ocilot lock resolve -o ${join(folder, BUNDLE_FOLDER, IMAGES_FILE)}\` writes its list of images`,
    );
}
