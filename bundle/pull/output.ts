import { mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, parse, relative, resolve, sep } from 'node:path';
import { OciError, quote } from '../../oci/index.js';
import { ifThere, systemCode, withRoom } from '../../image/layout/files.js';
import { clearRooms, makeRoom, oldIn } from './rooms.js';

/** A folder that gets new content, all at once. */
export interface OutputFolder {
  /** Where the new content is put first; empty. */
  readonly staging: string;
  /** Puts the new content in place of the old. */
  commit(): Promise<void>;
  /** Takes the new content away; the old stays as it was. */
  abandon(): Promise<void>;
}

/** Codes for a folder that cannot be renamed, or have another beside it: a mount, a folder of somebody else. */
const STUCK = new Set(['EACCES', 'EBUSY', 'EPERM', 'EROFS', 'EXDEV']);

/**
 * Prepares a folder to be replaced. Nothing of it is touched before `commit`.
 * @param home whose home folder is refused. Default that of the user
 * @throws OciError `INVALID_OPTION` for a folder that nobody can have meant: the root, the working folder and all above it,
 * the home folder and all above it; and for what is no folder
 */
export async function openOutputFolder(
  path: string,
  { home = homedir(), cwd = process.cwd() }: { readonly home?: string; readonly cwd?: string } = {},
): Promise<OutputFolder> {
  const refused = (why: string): OciError =>
    new OciError(
      'INVALID_OPTION',
      `output folder ${quote(path)} is refused, because all that is in it would be removed: ${why}; name a folder of its own`,
    );
  if (path === '') throw refused('it has no name');
  const target = await realName(resolve(cwd, path));
  if (target === parse(target).root) throw refused('it is the root of the file system');
  if (isAtOrAbove(target, await realName(cwd))) throw refused('it is the working folder, or holds it');
  if (home !== '' && isAtOrAbove(target, await realName(resolve(home))))
    throw refused('it is the home folder, or holds it');
  const found = await ifThere(stat(target));
  if (found !== undefined && !found.isDirectory())
    throw new OciError('INVALID_OPTION', `output folder ${quote(path)} is no folder`);
  return await prepare(target, found !== undefined);
}

/** A path without links, as far as it is there. */
async function realName(path: string): Promise<string> {
  const found = await ifThere(realpath(path));
  if (found !== undefined || dirname(path) === path) return found ?? path;
  return join(await realName(dirname(path)), basename(path));
}

/** True for the same folder, and for one that holds it. */
function isAtOrAbove(folder: string, other: string): boolean {
  const way = relative(folder, other);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !parse(way).root);
}

async function prepare(target: string, there: boolean): Promise<OutputFolder> {
  const parent = dirname(target);
  await withRoom(mkdir(parent, { recursive: true }));
  // What cannot be cleared away does not stand in the way.
  await clearRooms(parent, target).catch(() => undefined);
  try {
    return new Output(target, await makeRoom(parent, target));
  } catch (error) {
    if (!there || !STUCK.has(systemCode(error) ?? '')) throw told(error, target);
    return new Output(target, await makeRoom(target, target));
  }
}

function told(error: unknown, target: string): unknown {
  if (error instanceof OciError || systemCode(error) === undefined) return error;
  return new OciError('DENIED', `cannot write to ${quote(target)}: ${(error as Error).message}`, {
    cause: error,
  });
}

class Output implements OutputFolder {
  readonly staging: string;
  readonly #target: string;
  readonly #room: string;

  constructor(target: string, room: string) {
    this.#target = target;
    this.#room = room;
    this.staging = join(room, 'new');
  }

  async commit(): Promise<void> {
    const old = oldIn(this.#room);
    try {
      await this.#swap(old);
    } catch (error) {
      if (!STUCK.has(systemCode(error) ?? '') && systemCode(error) !== 'EINVAL')
        throw told(error, this.#target);
      await this.#swapContent(old);
    }
    await this.abandon();
  }

  async abandon(): Promise<void> {
    await rm(this.#room, { recursive: true, force: true });
  }

  /** By two renames. The old folder comes back when the second fails. */
  async #swap(old: string): Promise<void> {
    const moved = (await ifThere(rename(this.#target, old).then(() => true))) ?? false;
    try {
      await rename(this.staging, this.#target);
    } catch (error) {
      if (moved) await rename(old, this.#target);
      throw error;
    }
  }

  /** For a folder that itself must stay where it is. */
  async #swapContent(old: string): Promise<void> {
    await mkdir(old, { recursive: true });
    const names = (await readdir(this.#target)).filter((name) => name !== basename(this.#room));
    const moved: string[] = [];
    try {
      for (const name of names) {
        // oxlint-disable-next-line no-await-in-loop
        await move(join(this.#target, name), join(old, name));
        moved.push(name);
      }
    } catch (error) {
      // oxlint-disable-next-line no-await-in-loop
      for (const name of moved) await move(join(old, name), join(this.#target, name));
      throw told(error, this.#target);
    }
    // oxlint-disable-next-line no-await-in-loop
    for (const name of await readdir(this.staging))
      await move(join(this.staging, name), join(this.#target, name));
  }
}

/** Moves also to another file system, which a mounted folder is. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    const { cp } = await import('node:fs/promises');
    await cp(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    await rm(from, { recursive: true, force: true });
  }
}
