import type { FileHandle } from 'node:fs/promises';
import type { ByteStream } from '../../oci/index.js';
import { withRoom, writeAll } from './files.js';

/** Bytes waiting behind a write from which on the stream is held back. */
const HOLD_AT = 1 << 20;
/** Bytes after which the disk is asked to keep what was written, while more is written. */
const FLUSH_AT = 32 << 20;

/**
 * Writes a stream to a file; while some of it is written, more is fetched. Returns the number of bytes.
 * @throws OciError `STORE_FULL`; what the stream throws
 */
export async function writeStream(file: FileHandle, stream: ByteStream, start = 0): Promise<number> {
  return await new Tail(file, start, Infinity).take(stream);
}

/** The same for a file that is made durable at its end: then little is left to do. */
export async function writeDurably(file: FileHandle, stream: ByteStream): Promise<number> {
  return await new Tail(file, 0, FLUSH_AT).take(stream);
}

/** The growing end of a file. One write is under way at a time, and the next one gathers behind it. */
class Tail {
  readonly #file: FileHandle;
  readonly #start: number;
  readonly #flushAt: number;
  #at: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #write: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #flushed: number;
  #flush: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(file: FileHandle, start: number, flushAt: number) {
    this.#file = file;
    this.#start = start;
    this.#at = start;
    this.#flushed = start;
    this.#flushAt = flushAt;
  }

  async take(stream: ByteStream): Promise<number> {
    try {
      for await (const bytes of stream) {
        this.#check();
        if (bytes.byteLength > 0) this.#add(bytes);
        if (this.#bytes >= HOLD_AT) await this.#write;
      }
    } finally {
      // The file must not be closed under a write.
      await this.#running;
      await this.#flush;
    }
    this.#check();
    return this.#at - this.#start;
  }

  #add(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#bytes += bytes.byteLength;
    this.#running ??= this.#run();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Writes until nothing waits any longer. Never throws: the failure is kept. */
  async #run(): Promise<void> {
    try {
      while (this.#bytes > 0) {
        const pieces = this.#waiting;
        const size = this.#bytes;
        this.#waiting = [];
        this.#bytes = 0;
        this.#write = writePieces(this.#file, pieces, this.#at);
        // oxlint-disable-next-line no-await-in-loop -- one after another
        await this.#write;
        this.#at += size;
        if (this.#at - this.#flushed >= this.#flushAt) this.#startFlush();
      }
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#running = undefined;
  }

  #startFlush(): void {
    if (this.#flush !== undefined) return;
    this.#flushed = this.#at;
    this.#flush = withRoom(this.#file.datasync())
      .catch((error: unknown) => {
        // The system tells of it once: the sync at the end would know nothing.
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#flush = undefined;
      });
  }
}

/** Writes pieces one behind the other, in one call of the system where it takes them all. */
async function writePieces(file: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<void> {
  const { bytesWritten } = await withRoom(file.writev(pieces, position));
  let left = bytesWritten;
  let at = position;
  for (const piece of pieces) {
    const done = Math.min(left, piece.byteLength);
    left -= done;
    // oxlint-disable-next-line no-await-in-loop -- after a write in part
    if (done < piece.byteLength) await writeAll(file, piece.subarray(done), at + done);
    at += piece.byteLength;
  }
}
