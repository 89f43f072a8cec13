import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { collect } from '../../../oci/index.js';
import { ifThere, readSlice } from '../../layout/files.js';
import { PART_HEADER_SIZE, isPartHeader } from './header.js';

/** A file that is called as a part is. */
export interface PartFile {
  readonly file: string;
  /** Its first bytes, as many as a header has if there are so many. */
  readonly first: Uint8Array;
  /** All of its bytes. */
  readonly size: number;
}

/** Files of a folder that are called as parts of an archive, in the order of their names. */
export async function partFiles(base: string): Promise<readonly PartFile[]> {
  const prefix = `${basename(base)}.`;
  const names = (await ifThere(readdir(dirname(base)))) ?? [];
  const numbered = names.filter(
    (name) => name.startsWith(prefix) && /^\d{3,5}$/.test(name.slice(prefix.length)),
  );
  const found: PartFile[] = [];
  for (const name of numbered.toSorted()) {
    // Spelled as the person spelled the base.
    const file = base.includes('/') ? join(dirname(base), name) : name;
    // oxlint-disable-next-line no-await-in-loop -- there may be thousands
    const part = await look(file);
    if (part !== undefined) found.push(part);
  }
  return found;
}

async function look(path: string): Promise<PartFile | undefined> {
  // A pipe must not be opened by who only looks.
  const found = await ifThere(stat(path));
  if (found?.isFile() !== true) return undefined;
  const file = await open(path, 'r');
  try {
    const first = await collect(readSlice(file, 0, PART_HEADER_SIZE), PART_HEADER_SIZE, path);
    return { file: path, first, size: found.size };
  } finally {
    await file.close();
  }
}

/**
 * The parts that a path stands for: any of them by its name, or the name without a number where no file is called so.
 * Undefined when there are none.
 */
export async function findParts(
  path: string,
): Promise<{ readonly base: string; readonly files: readonly PartFile[] } | undefined> {
  const [, stem] = /^(.+)\.\d{3,5}$/s.exec(path) ?? [];
  const bases = stem === undefined ? [path] : [stem, path];
  for (const base of bases) {
    // oxlint-disable-next-line no-await-in-loop -- two at most
    if (base === path && (await ifThere(stat(path))) !== undefined) continue;
    // oxlint-disable-next-line no-await-in-loop
    const files = await partFiles(base);
    if (files.some(({ first }) => isPartHeader(first))) return { base, files };
  }
  return undefined;
}
