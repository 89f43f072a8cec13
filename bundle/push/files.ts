import { lstat, type Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { OciError, quote, type CallOptions } from '../../oci/index.js';
import { systemCode } from '../../image/layout/files.js';

/** A file or a folder that is pushed. */
export interface InputEntry {
  /** Where it is in the image, with slashes; `.` for the top. */
  readonly name: string;
  /** Where it is on disk. */
  readonly path: string;
  readonly type: 'directory' | 'file';
  /** Permission bits. */
  readonly mode: number;
  /** Bytes, for a file. */
  readonly size: number;
}

/** What is left out unless somebody says otherwise. */
export const DEFAULT_EXCLUSIONS: readonly string[] = ['.git'];

/** What is left out, and the signal. */
interface WalkOptions extends CallOptions {
  /** Paths as they are in the image; a folder goes with all that is in it. */
  readonly exclude?: readonly string[];
  /** What is done with links, devices, pipes and sockets. Default `refuse`. */
  readonly others?: 'refuse' | 'skip';
}

/**
 * Everything below some paths, in the order that imgpkg gives it: one path after the other, each folder before what is in
 * it, names by their bytes. A file comes under its own name.
 * @throws OciError `INVALID_OPTION` for a path that is not there, `UNSUPPORTED` for links, devices, pipes and sockets
 */
export async function* walkInputs(
  paths: readonly string[],
  { exclude = [], ...options }: WalkOptions = {},
): AsyncGenerator<InputEntry> {
  const left = new Set(exclude.map((path) => path.replace(/\/+$/, '')));
  for (const path of paths) {
    // A path that somebody named may be a link; what lies below may not.
    const facts = await factsOf(path);
    const name = facts.isDirectory() ? '.' : basename(await namedPath(path));
    if (!left.has(name)) yield* walk({ path, name, facts }, left, options);
  }
}

async function factsOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    const why = systemCode(cause) === 'ENOENT' ? 'there is no such file or folder' : (cause as Error).message;
    throw new OciError('INVALID_OPTION', `Checking file ${quote(path)}: ${why}`, { cause });
  }
}

/** A path that ends in `.` or `..` does not say what it is called. */
async function namedPath(path: string): Promise<string> {
  return /(?:^|\/)\.{1,2}\/*$/.test(path) ? await realpath(path) : path;
}

/** That of node:fs/promises takes twice as long. */
const look = promisify(lstat);

/** Entries of a folder looked at at once. */
const LOOKS = 64;

interface Found {
  readonly path: string;
  readonly name: string;
  readonly facts: Stats;
}

async function* walk(
  { path, name, facts }: Found,
  left: ReadonlySet<string>,
  options: Omit<WalkOptions, 'exclude'>,
): AsyncGenerator<InputEntry> {
  options.signal?.throwIfAborted();
  const mode = facts.mode & 0o7777;
  if (facts.isFile()) {
    yield { name, path, type: 'file', mode, size: facts.size };
    return;
  }
  if (!facts.isDirectory()) {
    if (options.others === 'skip') return;
    throw refused(path, facts);
  }
  yield { name, path, type: 'directory', mode, size: 0 };
  const children = await readdir(path);
  const found = children
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((child) => ({ path: join(path, child), name: name === '.' ? child : `${name}/${child}` }))
    .filter((child) => !left.has(child.name));
  for (let at = 0; at < found.length; at += LOOKS) {
    const some = found.slice(at, at + LOOKS);
    // oxlint-disable-next-line no-await-in-loop -- a folder may have any number of entries
    const seen = await Promise.all(some.map((child) => look(child.path)));
    for (const [index, child] of some.entries())
      yield* walk({ ...child, facts: seen[index] as Stats }, left, options);
  }
}

function refused(path: string, facts: Stats): OciError {
  const kind = facts.isSymbolicLink()
    ? 'a symbolic link'
    : facts.isFIFO()
      ? 'a pipe'
      : facts.isSocket()
        ? 'a socket'
        : 'a device';
  return new OciError(
    'UNSUPPORTED',
    `Expected ${quote(path)} to be a regular file or a folder, and it is ${kind}: leave it out with --file-exclusion`,
  );
}
