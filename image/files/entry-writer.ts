import { chmod, link, lchown, lstat, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError, quote } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { systemCode, withRoom } from '../layout/files.js';
import { writeStream } from '../layout/write-stream.js';
import type { ExtractOptions, ExtractReport } from './extract.js';
import type { FlattenedEntry } from './flattened.js';

/** Codes of a name that the file system takes for one that is there, and of one it cannot hold. */
const TAKEN = new Set(['EEXIST', 'EISDIR', 'ENOTDIR']);
const NO_NAME = new Set(['ENAMETOOLONG', 'EILSEQ', 'EINVAL']);

/** Puts entries on disk. Everything is made new: what is there already is never opened, followed or replaced. */
export class EntryWriter {
  readonly #root: string;
  readonly #options: ExtractOptions;
  /** Folders that were made, or seen to be none but folders. */
  readonly #folders = new Set<string>(['']);
  /** Their attributes, which are set when nothing is put into them any more. */
  readonly #attributes: FlattenedEntry[] = [];
  readonly #skipped: string[] = [];
  #entries = 0;
  #bytes = 0;

  constructor(root: string, options: ExtractOptions) {
    this.#root = root;
    this.#options = options;
  }

  async write(entry: FlattenedEntry): Promise<void> {
    try {
      if (entry.name !== '.' && !(await this.#make(entry))) return;
      this.#entries++;
      if (entry.type === 'directory') this.#attributes.push(entry);
      else if (entry.type !== 'link') await this.#attribute(entry);
    } catch (error) {
      throw this.#told(error, entry.name);
    }
  }

  /** Sets what folders are to have, the deepest first: one that may not be written to comes after what is in it. */
  async finish(): Promise<void> {
    const deepest = this.#attributes.toSorted((a, b) => b.name.split('/').length - a.name.split('/').length);
    // oxlint-disable-next-line no-await-in-loop
    for (const entry of deepest) await this.#attribute(entry);
    if (!deepest.some(({ name }) => name === '.')) await chmod(this.#root, 0o755);
  }

  report(): ExtractReport {
    return { entries: this.#entries, bytes: this.#bytes, skipped: this.#skipped };
  }

  /** False for what cannot be made. */
  async #make(entry: FlattenedEntry): Promise<boolean> {
    const { name, type, linkname = '' } = entry;
    const path = join(this.#root, name);
    await this.#parents(name);
    if (type === 'directory') await this.#folder(name);
    else if (type === 'file') await this.#file(path, entry);
    else if (type === 'symlink') await withRoom(symlink(linkname, path));
    else if (type === 'link') await withRoom(link(join(this.#root, linkname), path));
    else return this.#skip(entry);
    return true;
  }

  #skip({ name, type }: FlattenedEntry): boolean {
    this.#skipped.push(name);
    const kind = type === 'fifo' ? 'a pipe' : 'a device';
    this.#options.onNotice?.(`${quote(name)} is ${kind}, which is not extracted`);
    return false;
  }

  async #file(path: string, { body = [] }: FlattenedEntry): Promise<void> {
    const file = await withRoom(open(path, 'wx', 0o600));
    try {
      const stream = body as AsyncIterable<Uint8Array>;
      this.#bytes += await writeStream(file, stream);
    } finally {
      await file.close();
    }
  }

  async #parents(name: string): Promise<void> {
    const parts = name.split('/').slice(0, -1);
    for (let count = 1; count <= parts.length; count++) {
      const parent = parts.slice(0, count).join('/');
      // oxlint-disable-next-line no-await-in-loop
      if (!this.#folders.has(parent)) await this.#folder(parent);
    }
  }

  async #folder(name: string): Promise<void> {
    if (this.#folders.has(name)) return;
    const path = join(this.#root, name);
    try {
      await withRoom(mkdir(path, { mode: 0o755 }));
    } catch (error) {
      if (systemCode(error) !== 'EEXIST' || !(await lstat(path)).isDirectory()) throw error;
    }
    this.#folders.add(name);
  }

  async #attribute({ name, type, mode = 0, uid = 0, gid = 0, mtime = 0 }: FlattenedEntry): Promise<void> {
    const path = join(this.#root, name);
    const { owners = false } = this.#options;
    if (owners) await lchown(path, uid, gid);
    if (type === 'symlink') await lutimes(path, mtime, mtime);
    else {
      await chmod(path, mode & (owners ? 0o7777 : 0o777));
      await utimes(path, mtime, mtime);
    }
  }

  #told(error: unknown, name: string): unknown {
    const code = systemCode(error) ?? '';
    if (TAKEN.has(code))
      return new OciError(
        'CONTENT_INVALID',
        `the image has ${quote(name)} and another name that this file system takes for the same`,
        { cause: error },
      );
    return NO_NAME.has(code)
      ? corrupt(`the image has the path ${quote(name)}, which this file system cannot hold`, error)
      : error;
  }
}
