import { lstat, mkdir, rename, utimes, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { algorithmOf, hexOf, type CallOptions, type Digest } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { ifThere, openPlain, readSlice, syncFolder, withRoom } from './files.js';

/** The blobs of a layout on disk: `blobs/<algorithm>/<hex>` (image-spec, image-layout.md, "Blobs"). Links are refused. */
export class BlobFolder {
  readonly #root: string;
  readonly #place: string;
  /** Folders that were looked at, and are no links. */
  readonly #checked = new Set<string>();
  /** Folders with entries that a power loss may take away. */
  readonly #unsynced = new Set<string>();

  /** @param place for messages */
  constructor(root: string, place: string) {
    this.#root = root;
    this.#place = place;
  }

  path(digest: Digest): string {
    return join(this.#root, algorithmOf(digest), hexOf(digest));
  }

  /**
   * The size of a blob in bytes; undefined when it is not there.
   * @throws OciError `CONTENT_INVALID` for a link, a folder, or a blob below a link
   */
  async size(digest: Digest): Promise<number | undefined> {
    const path = this.path(digest);
    if (!(await this.#isThere(dirname(path)))) return undefined;
    const found = await ifThere(lstat(path));
    if (found === undefined) return undefined;
    if (!found.isFile()) throw this.#refused(path, 'a plain file');
    return found.size;
  }

  /** Bytes of a blob. The file is opened when they are asked for. */
  async *read(
    digest: Digest,
    start: number,
    length: number,
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    const file = await openPlain(this.path(digest));
    try {
      yield* readSlice(file, start, length, options);
    } finally {
      await file.close();
    }
  }

  /** Marks a blob as of use just now; false when it is gone. */
  async touch(digest: Digest): Promise<boolean> {
    const now = new Date();
    return (await ifThere(utimes(this.path(digest), now, now).then(() => true))) ?? false;
  }

  /**
   * Publishes a file that was written elsewhere on the same file system, and is closed.
   * @throws OciError `CONTENT_INVALID` where a folder is a link
   */
  async publish(temporary: string, file: FileHandle, digest: Digest): Promise<void> {
    const path = this.path(digest);
    const folder = dirname(path);
    await withRoom(file.datasync());
    if (!(await this.#isThere(folder))) await withRoom(mkdir(folder, { recursive: true }));
    await rename(temporary, path);
    this.#unsynced.add(folder);
  }

  /** Makes durable that the published blobs are there. */
  async sync(): Promise<void> {
    const folders = [...this.#unsynced];
    this.#unsynced.clear();
    if (folders.length > 0) folders.push(this.#root);
    await Promise.all(folders.map((folder) => syncFolder(folder)));
  }

  /** Whether a folder of blobs is there; it and the root must not be links, which lead out of the layout. */
  async #isThere(folder: string): Promise<boolean> {
    for (const path of [this.#root, folder]) {
      if (this.#checked.has(path)) continue;
      // oxlint-disable-next-line no-await-in-loop -- the root first
      const found = await ifThere(lstat(path));
      if (found === undefined) return false;
      if (!found.isDirectory()) throw this.#refused(path, 'a folder');
      this.#checked.add(path);
    }
    return true;
  }

  #refused(path: string, expected: string): Error {
    return corrupt(`${this.#place}: ${path} is not ${expected}; links in a layout are not followed`);
  }
}
