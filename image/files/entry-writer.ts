import { closeSync, fchmodSync, fchownSync, futimesSync, openSync, writeSync } from 'node:fs';
import {
  chmod,
  link,
  lchown,
  lstat,
  lutimes,
  mkdir,
  open,
  readdir,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
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

/** Larger files are written beside the reading of more of them; in bytes. */
const SMALL = 64 * 1024;

/** What an entry gets besides its content. */
interface Attributes {
  /** User and group, where owners are given. */
  readonly owner: readonly [uid: number, gid: number] | undefined;
  readonly mode: number;
  readonly mtime: number;
}

/** Puts entries on disk. Everything is made new: what is there already is never opened, followed or replaced. */
export class EntryWriter {
  readonly #root: string;
  readonly #options: ExtractOptions;
  /** Folders that were made, or seen to be none but folders. */
  readonly #folders = new Set<string>(['']);
  /** Their attributes, which are set when nothing is put into them any more. */
  #attributes: FlattenedEntry[] = [];
  #skipped: string[] = [];
  #entries = 0;
  #bytes = 0;

  constructor(root: string, options: ExtractOptions) {
    this.#root = root;
    this.#options = options;
  }

  /**
   * Writes all that comes, and then gives folders their attributes.
   * @throws what the entries throw, OciError `CONTENT_INVALID` for names that the file system refuses, `STORE_FULL`
   */
  async writeAll(entries: AsyncIterable<FlattenedEntry>): Promise<ExtractReport> {
    for await (const entry of entries) await this.#write(entry);
    await this.#finish();
    return { entries: this.#entries, bytes: this.#bytes, skipped: this.#skipped };
  }

  /** Takes away all that was written, and begins anew. */
  async restart(): Promise<void> {
    const names = await readdir(this.#root);
    await Promise.all(names.map((name) => rm(join(this.#root, name), { recursive: true, force: true })));
    this.#folders.clear();
    this.#folders.add('');
    this.#attributes = [];
    this.#skipped = [];
    this.#entries = 0;
    this.#bytes = 0;
  }

  async #write(entry: FlattenedEntry): Promise<void> {
    try {
      if (entry.name !== '.' && !(await this.#make(entry))) return;
      this.#entries++;
      if (entry.type === 'directory') this.#attributes.push(entry);
      else if (entry.type === 'symlink') await this.#attribute(entry);
    } catch (error) {
      throw this.#told(error, entry.name);
    }
  }

  /** Sets what folders are to have, the deepest first: one that may not be written to comes after what is in it. */
  async #finish(): Promise<void> {
    const deepest = this.#attributes.toSorted((a, b) => b.name.split('/').length - a.name.split('/').length);
    // oxlint-disable-next-line no-await-in-loop
    for (const entry of deepest) await this.#attribute(entry);
    if (!deepest.some(({ name }) => name === '.')) await chmod(this.#root, 0o755);
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

  async #file(path: string, entry: FlattenedEntry): Promise<void> {
    const body = (entry.body ?? []) as AsyncIterable<Uint8Array>;
    if (entry.size > SMALL) this.#bytes += await this.#large(path, entry, body);
    else this.#bytes += await withRoom(this.#small(path, entry, body));
  }

  async #large(path: string, entry: FlattenedEntry, body: AsyncIterable<Uint8Array>): Promise<number> {
    const file = await withRoom(open(path, 'wx', 0o600));
    try {
      const written = await writeStream(file, body);
      const { owner, mode, mtime } = this.#attributesOf(entry);
      if (owner !== undefined) await file.chown(...owner);
      await file.chmod(mode);
      await file.utimes(mtime, mtime);
      return written;
    } finally {
      await file.close();
    }
  }

  /** At once: handing each of six calls to another thread costs several times the work in them. */
  async #small(path: string, entry: FlattenedEntry, body: AsyncIterable<Uint8Array>): Promise<number> {
    const file = openSync(path, 'wx', 0o600);
    try {
      let size = 0;
      for await (const chunk of body) {
        for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
        size += chunk.length;
      }
      const { owner, mode, mtime } = this.#attributesOf(entry);
      if (owner !== undefined) fchownSync(file, ...owner);
      fchmodSync(file, mode);
      futimesSync(file, mtime, mtime);
      return size;
    } finally {
      closeSync(file);
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

  /** For folders and symbolic links. */
  async #attribute(entry: FlattenedEntry): Promise<void> {
    const path = join(this.#root, entry.name);
    const { owner, mode, mtime } = this.#attributesOf(entry);
    if (owner !== undefined) await lchown(path, ...owner);
    if (entry.type === 'symlink') await lutimes(path, mtime, mtime);
    else {
      await chmod(path, mode);
      await utimes(path, mtime, mtime);
    }
  }

  #attributesOf({ mode = 0, uid = 0, gid = 0, mtime = 0 }: FlattenedEntry): Attributes {
    return this.#options.owners === true
      ? { owner: [uid, gid], mode: mode & 0o7777, mtime }
      : { owner: undefined, mode: mode & 0o777, mtime };
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
