import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  Digester,
  OciError,
  algorithmOf,
  isOciError,
  isVerified,
  type Blob,
  type CallOptions,
  type OnProgress,
} from '../oci/index.js';
import { freshName, readSlice, syncFolder, withRoom, writeAll } from './layout/files.js';
import { withLock } from './layout/lock.js';

/** How a blob is fetched into a file. */
export interface PartialFileOptions extends CallOptions {
  /** Hears of `bytes` as they come in; what an earlier try left counts as come. */
  readonly onProgress?: OnProgress;
  /** What the file is called until it is whole. Default `<path>.partial`. */
  readonly partial?: string;
  /** Whether the file is to outlast a loss of power. Default true. */
  readonly durable?: boolean;
}

/** Just enough to see that another process is gone, in milliseconds. */
const PATIENCE = 100;

/**
 * Fetches a blob into a file. Until it is whole and checked it has another name; one that an earlier try left
 * is hashed and gone on with by range. Where somebody else is at the same file, another one is filled from the start.
 * The folder must be there; a file of that name is replaced in one step.
 * @throws OciError `DIGEST_MISMATCH`, `STORE_FULL`; what opening and reading the blob throws
 */
export async function fetchToFile(blob: Blob, path: string, options: PartialFileOptions = {}): Promise<void> {
  const { partial = `${path}.partial`, durable = true } = options;
  const { signal } = options;
  let began = false;
  const work = async (): Promise<void> => {
    began = true;
    await fill(blob, partial, options);
    await publish(partial, path, durable);
  };
  try {
    const patience = signal === undefined ? { patience: PATIENCE } : { patience: PATIENCE, signal };
    await withLock(join(`${partial}.lock`, 'owner'), work, patience);
    return;
  } catch (error) {
    if (began || !isOciError(error, 'STORE_LOCKED')) throw error;
  }
  const own = freshName(dirname(partial), `${basename(partial)}.`);
  try {
    await fill(blob, own, options);
    await publish(own, path, durable);
  } catch (error) {
    await rm(own, { force: true });
    throw error;
  }
}

async function publish(from: string, path: string, durable: boolean): Promise<void> {
  await rename(from, path);
  if (durable) await syncFolder(dirname(path));
}

/** Makes a file whole. What came is kept when the rest does not come; what is wrong is not. */
async function fill(blob: Blob, path: string, options: PartialFileOptions): Promise<void> {
  // A link would lead to somebody else's file.
  const flags = constants.O_RDWR | constants.O_CREAT | ((constants.O_NOFOLLOW as number | undefined) ?? 0);
  const file = await withRoom(open(path, flags, 0o644));
  try {
    const filling = new Filling(blob, file, options);
    const continued = await filling.take();
    const right = await filling.run();
    // What an earlier try left may be damaged, which only the whole shows.
    if (!right && (!continued || !(await filling.run()))) throw filling.wrong();
    if (options.durable !== false) await withRoom(file.sync());
  } catch (error) {
    const { size } = await file.stat();
    if (size === 0 || isOciError(error, 'DIGEST_MISMATCH')) await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** A file that is being filled. */
class Filling {
  readonly #blob: Blob;
  readonly #file: FileHandle;
  readonly #options: PartialFileOptions;
  #digester: Digester;

  constructor(blob: Blob, file: FileHandle, options: PartialFileOptions) {
    this.#blob = blob;
    this.#file = file;
    this.#options = options;
    this.#digester = this.#fresh();
  }

  /** Takes in what is there. True when there is something. */
  async take(): Promise<boolean> {
    const { size } = await this.#file.stat();
    if (size > this.#blob.descriptor.size) await this.#file.truncate(0);
    else await this.#hash(size);
    return this.#digester.size > 0;
  }

  /** Fetches the rest. False when all is there and it is wrong; then the file is empty again. */
  async run(): Promise<boolean> {
    const { digest, size } = this.#blob.descriptor;
    if (this.#digester.size < size && (await this.#append())) return true;
    if (this.#digester.size === size && this.#digester.digest() === digest) return true;
    await this.#file.truncate(0);
    this.#digester = this.#fresh();
    return false;
  }

  wrong(): OciError {
    const { digest, size } = this.#blob.descriptor;
    return new OciError('DIGEST_MISMATCH', `blob ${digest} of ${size} bytes: what came is something else`, {
      detail: { expected: digest, size },
    });
  }

  #fresh(): Digester {
    return new Digester(algorithmOf(this.#blob.descriptor.digest));
  }

  async #hash(size: number): Promise<void> {
    for await (const bytes of readSlice(this.#file, 0, size, this.#options)) this.#digester.update(bytes);
  }

  /** Adds the rest. True when the stream has checked all of it. */
  async #append(): Promise<boolean> {
    const { descriptor } = this.#blob;
    const { onProgress, signal } = this.#options;
    const call = signal === undefined ? {} : { signal };
    const start = this.#digester.size;
    const range = { start, end: descriptor.size - 1 };
    const stream = await this.#blob.open(start === 0 ? call : { ...call, range });
    const checked = start === 0 && isVerified(stream, descriptor.digest, descriptor.size);
    let behind: Promise<void> = Promise.resolve();
    let position = start;
    try {
      for await (const bytes of stream) {
        if (position + bytes.byteLength > descriptor.size) throw this.wrong();
        if (!checked) this.#digester.update(bytes);
        await behind;
        behind = writeAll(this.#file, bytes, position);
        behind.catch(() => undefined);
        position += bytes.byteLength;
        onProgress?.({ type: 'bytes', descriptor, sent: position });
      }
    } finally {
      await behind;
    }
    return checked;
  }
}
