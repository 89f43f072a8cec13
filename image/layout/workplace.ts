import { lstat, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { freshName, ifThere, removeIfEmpty, systemCode, withRoom } from './files.js';
import { isRunning, parseFacts, thisProcess } from './process.js';

/** Where writers keep what is not whole yet, and their lock: beside the blobs, so that a rename can publish it. */
const FOLDER = '.ocilot';
const OWNER = 'owner.json';
/** Blobs in parts. */
const KEPT = 'kept';
/** A writer of another machine cannot be seen; after so many milliseconds it counts as gone. */
const FORGOTTEN_AFTER = 7 * 24 * 3_600_000;

/** The lock file of a layout. */
export const lockOf = (folder: string): string => join(folder, FOLDER, 'lock');

/**
 * Refuses a layout whose folder for writers is a link: what is written and cleared there would be somewhere else.
 * @throws OciError `CONTENT_INVALID`
 */
export async function checkWorkFolder(base: string): Promise<void> {
  const path = join(base, FOLDER);
  const found = await ifThere(lstat(path));
  if (found !== undefined && !found.isDirectory())
    throw corrupt(`${path} is not a folder; links in a layout are not followed`);
}

/** A folder of one writer's own. While it stands, nothing that the writer may rely on is collected. */
export class Workplace {
  readonly #base: string;
  readonly #path: string;

  private constructor(base: string, path: string) {
    this.#base = base;
    this.#path = path;
  }

  /** Makes one below `base`. Throws OciError `STORE_FULL`. */
  static async open(base: string): Promise<Workplace> {
    for (;;) {
      const path = freshName(join(base, FOLDER), 'writer-');
      try {
        // oxlint-disable-next-line no-await-in-loop -- again only when another writer has just left
        await withRoom(mkdir(path, { recursive: true }));
        // oxlint-disable-next-line no-await-in-loop
        await withRoom(writeFile(join(path, OWNER), JSON.stringify(thisProcess())));
        return new Workplace(base, path);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
    }
  }

  /** A path that no file has. */
  file(): string {
    return freshName(this.#path);
  }

  /** Where a blob is gathered that others may go on with. */
  async kept(digest: Digest): Promise<string> {
    const folder = join(this.#base, FOLDER, KEPT);
    await withRoom(mkdir(folder, { recursive: true }));
    return join(folder, digest.replace(':', '-'));
  }

  /** Takes away the folder of such blobs, when there is none. */
  async tidy(): Promise<void> {
    await removeIfEmpty(join(this.#base, FOLDER, KEPT));
  }

  /** Takes it away, with all that is still in it. */
  async close(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
    await removeIfEmpty(join(this.#base, FOLDER));
  }
}

/**
 * Takes away what dead writers left.
 * @returns when the first of those that live began, in milliseconds of the file system's clock; `Infinity` without any
 */
export async function clearWorkplaces(base: string): Promise<number> {
  let since = Infinity;
  const folder = join(base, FOLDER);
  for (const name of (await ifThere(readdir(folder))) ?? []) {
    if (!name.startsWith('writer-')) continue;
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop -- there are hardly ever two
    const began = await livingSince(path);
    // oxlint-disable-next-line no-await-in-loop
    if (began === undefined) await rm(path, { recursive: true, force: true });
    else since = Math.min(since, began);
  }
  // Nobody is left to go on with them.
  if (since === Infinity) await rm(join(folder, KEPT), { recursive: true, force: true });
  await removeIfEmpty(folder);
  return since;
}

/** When a writer began; undefined when it is gone. */
async function livingSince(path: string): Promise<number | undefined> {
  const owner = join(path, OWNER);
  const found = (await ifThere(stat(owner))) ?? (await ifThere(stat(path)));
  if (found === undefined) return undefined;
  const running = isRunningBy(await ifThere(readFile(owner, 'utf8')));
  return (running ?? Date.now() - found.mtimeMs < FORGOTTEN_AFTER) ? found.mtimeMs : undefined;
}

/** Undefined for who cannot be seen, and for who has made the folder and not yet the file in it. */
function isRunningBy(text: string | undefined): boolean | undefined {
  try {
    const facts = parseFacts(JSON.parse(text ?? ''));
    return facts === undefined ? undefined : isRunning(facts);
  } catch {
    return undefined;
  }
}
