import { chmod, link, lchown, lstat, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError, Slots, quote } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { systemCode, withRoom, writeAll } from '../layout/files.js';
import { writeStream } from '../layout/write-stream.js';
import type { ExtractOptions, ExtractReport } from './extract.js';
import type { FlattenedEntry } from './flattened.js';

/** Codes of a name that the file system takes for one that is there, and of one it cannot hold. */
const TAKEN = new Set(['EEXIST', 'EISDIR', 'ENOTDIR']);
const NO_NAME = new Set(['ENAMETOOLONG', 'EILSEQ', 'EINVAL']);

/** Files up to this size are written beside each other, so many at once; in bytes. */
const SMALL = 64 * 1024;
const AT_ONCE = 16;

/** Puts entries on disk. Everything is made new: what is there already is never opened, followed or replaced. */
export class EntryWriter {
  readonly #root: string;
  readonly #options: ExtractOptions;
  /** Folders that were made, or seen to be none but folders. */
  readonly #folders = new Set<string>(['']);
  /** Their attributes, which are set when nothing is put into them any more. */
  readonly #attributes: FlattenedEntry[] = [];
  readonly #skipped: string[] = [];
  readonly #slots = new Slots(AT_ONCE);
  /** Small files under way. They never reject: the first failure is kept. */
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  #entries = 0;
  #bytes = 0;

  constructor(root: string, options: ExtractOptions) {
    this.#root = root;
    this.#options = options;
  }

  /**
   * Writes all that comes, and then gives folders their attributes. When it is over, so is every write, also after a
   * failure.
   * @throws what the entries throw, OciError `CONTENT_INVALID` for names that the file system refuses, `STORE_FULL`
   */
  async writeAll(entries: AsyncIterable<FlattenedEntry>): Promise<ExtractReport> {
    try {
      for await (const entry of entries) {
        await this.#write(entry);
        this.#check();
      }
    } finally {
      await Promise.all(this.#running);
    }
    this.#check();
    await this.#finish();
    return { entries: this.#entries, bytes: this.#bytes, skipped: this.#skipped };
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
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
    else if (type === 'link') {
      // What it links to may be under way.
      await Promise.all(this.#running);
      this.#check();
      await withRoom(link(join(this.#root, linkname), path));
    } else return this.#skip(entry);
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
    if (entry.size > SMALL) {
      this.#bytes += await this.#create(path, entry, (file) => writeStream(file, body));
      return;
    }
    const content = await readAll(body, entry.size);
    this.#bytes += content.length;
    const release = await this.#slots.take();
    const written = this.#create(path, entry, (file) => writeAll(file, content, 0))
      .catch((error: unknown) => {
        this.#failure ??= { error: this.#told(error, entry.name) };
      })
      .finally(() => {
        this.#running.delete(written);
        release();
      });
    this.#running.add(written);
  }

  async #create<T>(
    path: string,
    { mode = 0, uid = 0, gid = 0, mtime = 0 }: FlattenedEntry,
    write: (file: FileHandle) => Promise<T>,
  ): Promise<T> {
    const { owners = false } = this.#options;
    const file = await withRoom(open(path, 'wx', 0o600));
    try {
      const done = await write(file);
      if (owners) await file.chown(uid, gid);
      await file.chmod(mode & (owners ? 0o7777 : 0o777));
      await file.utimes(mtime, mtime);
      return done;
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

/** The content of a small file, in a buffer of its own: what the body gives are views of larger pieces. */
async function readAll(body: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const content = new Uint8Array(size);
  let at = 0;
  for await (const chunk of body) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content.subarray(0, at);
}
