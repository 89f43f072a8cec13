import { dirname, join } from 'node:path';
import {
  OciError,
  algorithmOf,
  hexOf,
  isDigest,
  type ByteRange,
  type ByteStream,
  type Digest,
} from '../../oci/index.js';
import { lendAligned } from './aligned-memory.js';
import type { Appender, Bytes, Location } from './bytes.js';
import { FileAppender, type Direct } from './file-appender.js';
import { readFile } from './file-reader.js';
import type { FileHandle, Files } from './files.js';

/** Bytes of an upload beyond which the rest goes past the cache of the system: most layers are read soon, and smaller. */
const DIRECT_FROM = 8 * 1024 * 1024;

/** Options of `FileBytes`. */
export interface FileBytesOptions {
  /** Bytes of an upload beyond which the rest goes past the cache of the system (default 8 MiB), and memory for it. */
  readonly direct?: Pick<Direct, 'from' | 'lend'>;
}

/**
 * Large bytes as files: `uploads/<id>` while they grow, `blobs/<algorithm>/<2 hex>/<hex>-<id>` when published.
 * The id keeps every publication apart, so deleting an old one can never take a newer one with it.
 */
export class FileBytes implements Bytes {
  readonly #files: Files;
  readonly #direct: Pick<Direct, 'from' | 'lend'>;
  readonly #uploads: string;
  readonly #blobs: string;
  /** Folders that are there durably, or are being made so. */
  readonly #folders = new Map<string, Promise<void>>();

  constructor(
    files: Files,
    folder: string,
    { direct = { from: DIRECT_FROM, lend: lendAligned } }: FileBytesOptions = {},
  ) {
    this.#files = files;
    this.#direct = direct;
    this.#uploads = join(folder, 'uploads');
    this.#blobs = join(folder, 'blobs');
  }

  async begin(id: string): Promise<void> {
    await this.#folder(this.#uploads);
    const file = await this.#files.open(this.#upload(id), 'create');
    await file?.close();
  }

  async size(id: string): Promise<number | undefined> {
    return await this.#files.size(this.#upload(id));
  }

  async append(id: string): Promise<Appender> {
    const [file, size] = await this.#measure(id, 'write');
    return new FileAppender(file, size, {
      ...this.#direct,
      open: () => this.#files.open(this.#upload(id), 'direct'),
    });
  }

  async publish(id: string, digest: Digest): Promise<Location> {
    const location = locate(id, digest);
    const folder = dirname(join(this.#blobs, location));
    await this.#sync(await this.#open(this.#upload(id), 'write'));
    await this.#folder(folder);
    await this.#files.rename(this.#upload(id), join(this.#blobs, location));
    await this.#files.syncFolder(folder);
    return location;
  }

  async abort(id: string): Promise<void> {
    await this.#files.remove(this.#upload(id));
  }

  async recall(id: string, digest: Digest): Promise<void> {
    const path = join(this.#blobs, locate(id, digest));
    if ((await this.#files.size(path)) !== undefined) await this.#files.rename(path, this.#upload(id));
  }

  async read(id: string): Promise<ByteStream> {
    const [file, size] = await this.#measure(id, 'read');
    return readFile(file, { start: 0, end: size - 1 });
  }

  async open(location: Location, range: ByteRange): Promise<ByteStream> {
    return readFile(await this.#open(join(this.#blobs, location), 'read'), range);
  }

  async delete(location: Location): Promise<void> {
    await this.#files.remove(join(this.#blobs, location));
  }

  async *list(): AsyncGenerator<{ location: Location; digest: Digest }> {
    for (const algorithm of await this.#files.list(this.#blobs)) {
      for (const shard of await this.#files.list(join(this.#blobs, algorithm))) {
        for (const name of await this.#files.list(join(this.#blobs, algorithm, shard))) {
          const digest = `${algorithm}:${name.slice(0, name.indexOf('-'))}`;
          if (isDigest(digest)) yield { location: `${algorithm}/${shard}/${name}`, digest };
        }
      }
    }
  }

  async *uploads(): AsyncGenerator<string> {
    yield* await this.#files.list(this.#uploads);
  }

  async flush(): Promise<void> {
    for await (const id of this.uploads()) {
      // One that went meanwhile was published or dropped.
      const file = await this.#files.open(this.#upload(id), 'write');
      if (file !== undefined) await this.#sync(file);
    }
  }

  async #sync(file: FileHandle): Promise<void> {
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #upload(id: string): string {
    return join(this.#uploads, id);
  }

  async #open(path: string, mode: 'read' | 'write'): Promise<FileHandle> {
    const file = await this.#files.open(path, mode);
    if (file === undefined) throw new OciError('STORE_CORRUPT', `stored bytes are missing: ${path}`);
    return file;
  }

  async #measure(id: string, mode: 'read' | 'write'): Promise<[FileHandle, number]> {
    const file = await this.#open(this.#upload(id), mode);
    try {
      return [file, await file.size()];
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Makes a folder of this store, and its entry in the folder above, durable. */
  #folder(path: string): Promise<void> {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const made = this.#makeFolder(path);
    this.#folders.set(path, made);
    made.catch(() => this.#folders.delete(path));
    return made;
  }

  async #makeFolder(path: string): Promise<void> {
    if (path !== this.#blobs && path !== this.#uploads) await this.#folder(dirname(path));
    await this.#files.makeFolder(path);
    // Also when it was there: a process that ended between the two steps may have made it.
    await this.#files.syncFolder(dirname(path));
  }
}

/** Where the bytes of an upload come to lie. */
function locate(id: string, digest: Digest): Location {
  const hex = hexOf(digest);
  return `${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}-${id}`;
}
