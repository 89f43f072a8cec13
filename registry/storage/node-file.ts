import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { OciError } from '../../oci/index.js';
import type { FileHandle } from './files.js';

const openFile = promisify(fs.open);
const closeFile = promisify(fs.close);
const statFile = promisify(fs.fstat);
const syncFile = promisify(fs.fdatasync);

/**
 * Closes files that nobody closed: an answer whose body is never read ends in the garbage, its file must not stay open.
 * Node's own handles end the process there.
 */
const forgotten = new FinalizationRegistry<number>((fd) => fs.close(fd, () => undefined));

/** A file of the operating system. */
export class NodeFile implements FileHandle {
  #fd: number | undefined;
  /** Operations under way. The number of the file must not be given to another one before they end. */
  #busy = 0;
  #idle: (() => void) | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
    forgotten.register(this, fd, this);
  }

  static async open(path: string, flags: number, mode: number): Promise<NodeFile> {
    return new NodeFile(await guarded(openFile(path, flags, mode)));
  }

  async writev(buffers: readonly Uint8Array[], position: number): Promise<void> {
    await this.#run(async (fd) => {
      let rest = [...buffers];
      let at = position;
      while (rest.length > 0) {
        const written = await writeAt(fd, rest, at);
        at += written;
        rest = behind(rest, written);
      }
    });
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    return await this.#run((fd) => readAt(fd, buffer, position));
  }

  async sync(): Promise<void> {
    await this.#run((fd) => syncFile(fd));
  }

  async size(): Promise<number> {
    return (await this.#run((fd) => statFile(fd))).size;
  }

  /** Closes the file when what is under way has ended; once is enough, twice no harm. */
  async close(): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    forgotten.unregister(this);
    if (this.#busy > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await closeFile(fd);
  }

  async #run<T>(work: (fd: number) => Promise<T>): Promise<T> {
    if (this.#fd === undefined) throw new OciError('STORE_CLOSED', 'the file is closed');
    this.#busy++;
    try {
      return await guarded(work(this.#fd));
    } finally {
      this.#busy--;
      if (this.#busy === 0) this.#idle?.();
    }
  }
}

/** Turns a full disk into the one error that says so. */
export async function guarded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new OciError('STORE_FULL', 'no space left on the device that holds the data', { cause });
    }
    throw cause;
  }
}

async function readAt(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    fs.read(fd, buffer, 0, buffer.byteLength, position, (error, read) => {
      if (error === null) resolve(read);
      else reject(error);
    });
  });
}

async function writeAt(fd: number, buffers: readonly Uint8Array[], position: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    fs.writev(fd, buffers, position, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

/** What is left of buffers after a write that took only some bytes. */
function behind(buffers: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (skip >= buffer.byteLength) skip -= buffer.byteLength;
    else {
      rest.push(skip > 0 ? buffer.subarray(skip) : buffer);
      skip = 0;
    }
  }
  return rest;
}
