import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { OciError, isOciError, quote, type CallOptions } from '../../oci/index.js';
import { ifThere } from '../../image/layout/files.js';
import { parseImagesLock } from '../locks/index.js';
import { BUNDLE_FOLDER, IMAGES_FILE } from '../names.js';
import { YAML_LIMIT } from '../yaml/read.js';
import { walkInputs, type InputEntry } from './files.js';

const refused = (problem: string): OciError => new OciError('INVALID_OPTION', problem);

/**
 * Checks that some paths make a bundle: one `.imgpkg` in all of them, directly in one that was named, with a list of
 * images in it that can be read. What is excluded counts here too.
 * @throws OciError `INVALID_OPTION` for what is no bundle, `CONTENT_INVALID` for a list of images that is none
 */
export async function checkBundle(paths: readonly string[], options: CallOptions = {}): Promise<void> {
  const found: InputEntry[] = [];
  const places = new Map<string, string[]>();
  for await (const entry of lookedAt(paths, options)) {
    if (basename(entry.path) === BUNDLE_FOLDER) found.push(entry);
    if (entry.name === '.') continue;
    places.set(entry.name, [...(places.get(entry.name) ?? []), entry.path]);
  }
  const file = await imagesFile(found, paths);
  const repeated = [...places.values()].filter(({ length }) => length > 1);
  if (repeated.length > 0)
    throw refused(
      `Found duplicate paths: ${repeated
        .flat()
        .map((path) => quote(path))
        .join(', ')}`,
    );
  await checkImages(file);
}

/** True when the paths make a bundle. Throws what is wrong with the paths themselves. */
export async function looksLikeBundle(paths: readonly string[], options: CallOptions = {}): Promise<boolean> {
  const found: InputEntry[] = [];
  for await (const entry of lookedAt(paths, options))
    if (basename(entry.path) === BUNDLE_FOLDER) found.push(entry);
  try {
    await imagesFile(found, paths);
    return true;
  } catch (error) {
    if (isOciError(error, 'INVALID_OPTION')) return false;
    throw error;
  }
}

/** Entries for the check, which looks at what cannot be pushed as well. */
function lookedAt(paths: readonly string[], options: CallOptions): AsyncIterable<InputEntry> {
  return walkInputs(paths, { ...options, others: 'skip' });
}

async function imagesFile(found: readonly InputEntry[], paths: readonly string[]): Promise<string> {
  const [folder, ...more] = found;
  if (folder === undefined)
    throw refused(
      `This directory is not a bundle. It is missing ${BUNDLE_FOLDER}/${IMAGES_FILE} (hint: \`ocilot bundle init${folderOf(paths)}\` makes it one)`,
    );
  if (more.length > 0)
    throw refused(
      `This directory contains multiple bundle definitions. Only a single instance of ${BUNDLE_FOLDER}/${IMAGES_FILE} can be provided`,
    );
  const parents = paths.map((path) => resolve(path));
  if (!parents.includes(dirname(resolve(folder.path))))
    throw refused(
      `Expected ${quote(folder.path)} to be directly in one of ${paths.map((path) => quote(path)).join(', ')}: ` +
        `name the folder that holds ${BUNDLE_FOLDER}`,
    );
  const file = join(folder.path, IMAGES_FILE);
  if ((await ifThere(lstat(file)))?.isFile() === true) return file;
  throw refused(
    `The bundle expected ${BUNDLE_FOLDER}/${IMAGES_FILE} to exist, but it wasn't found: ${quote(file)}`,
  );
}

/** What would be typed to name the folder, where there is one. */
function folderOf(paths: readonly string[]): string {
  const [path = '', ...more] = paths;
  return more.length === 0 && /^[\w./][\w./-]*$/.test(path) ? ` ${path}` : '';
}

async function checkImages(file: string): Promise<void> {
  const { size } = await lstat(file);
  if (size > YAML_LIMIT)
    throw new OciError('SIZE_LIMIT', `${quote(file)} is larger than ${YAML_LIMIT} bytes`);
  parseImagesLock(await readFile(file, 'utf8'), file);
}
