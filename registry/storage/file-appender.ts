import type { Loan } from './aligned-memory.js';
import type { Appender } from './bytes.js';
import { DirectTail } from './direct-tail.js';
import type { FileHandle } from './files.js';

/** Bytes gathered before a write starts. */
const WRITE_AT = 512 * 1024;
/** Bytes waiting behind the running write from which on the sender is held back. */
const HOLD_AT = 4 * WRITE_AT;
/** Bytes written before the medium is asked to make them durable, while more arrives. */
const FLUSH_AT = 64 * WRITE_AT;
/** Bytes of one write. Larger ones make the system gather larger pieces of memory, which costs it more than it saves. */
const PIECE = 64 * 1024;
/** A sender of tiny chunks must not cost a buffer object each. */
const MANY = 128;

/** How to write past the cache of the system. */
export interface Direct {
  /** Bytes of the file beyond which it is done. */
  readonly from: number;
  /** Memory for it; undefined when there is none left. */
  lend(): Loan | undefined;
  /** Opens the file for it; undefined where that cannot be. */
  open(): Promise<FileHandle | undefined>;
}

/**
 * Writes to the end of a file while more arrives. One write runs at a time and the next one gathers behind it: the file
 * never has a hole, so its size is what has arrived, whenever the process ends.
 */
export class FileAppender implements Appender {
  readonly #file: FileHandle;
  #size: number;
  #written: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  #error: unknown;
  #flushed: number;
  #flushing: Promise<void> | undefined;
  #direct: Direct | undefined;
  #tail: DirectTail | undefined;

  constructor(file: FileHandle, at: number, direct?: Direct) {
    this.#direct = direct;
    this.#file = file;
    this.#size = at;
    this.#written = at;
    this.#flushed = at;
  }

  get size(): number {
    return this.#size;
  }

  get copies(): boolean {
    return this.#tail !== undefined;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#tail !== undefined) {
      this.#size += chunk.byteLength;
      return this.#tail.write(chunk);
    }
    if (this.#direct !== undefined && this.#size >= this.#direct.from)
      return this.#turnDirect(this.#direct, chunk);
    this.#waiting.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#size += chunk.byteLength;
    if (this.#waiting.length > MANY) this.#waiting = [Buffer.concat(this.#waiting)];
    if (this.#bytes >= WRITE_AT) this.#running ??= this.#drain(WRITE_AT);
    return this.#bytes >= HOLD_AT ? this.#room() : undefined;
  }

  async close(): Promise<void> {
    try {
      await this.#running;
      if (this.#error === undefined) await this.#drain(1);
      await this.#tail?.close();
      await this.#flushing;
      if (this.#error !== undefined) throw this.#error;
    } finally {
      await this.#file.close();
    }
  }

  /** From here on past the cache, if that can be; else as before. */
  async #turnDirect(direct: Direct, chunk: Uint8Array): Promise<void> {
    this.#direct = undefined;
    await this.#running;
    if (this.#error === undefined) await this.#drain(1);
    if (this.#error !== undefined) throw this.#error;
    const loan = direct.lend();
    if (loan !== undefined) {
      const handle = await direct.open().catch((error: unknown) => {
        loan.give();
        throw error;
      });
      if (handle === undefined) loan.give();
      else {
        this.#flush();
        this.#tail = new DirectTail({ plain: this.#file, direct: handle }, this.#written, loan);
      }
    }
    await this.write(chunk);
  }

  /** Writes until less than `least` bytes wait. Never rejects: the error is kept for the next caller. */
  async #drain(least: number): Promise<void> {
    try {
      while (this.#bytes >= least) {
        const buffers = this.#waiting;
        this.#waiting = [];
        this.#bytes = 0;
        for (const piece of pieces(buffers)) {
          await this.#file.writev(piece.buffers, this.#written);
          this.#written += piece.bytes;
        }
        if (this.#written - this.#flushed >= FLUSH_AT) this.#flush();
      }
    } catch (error) {
      this.#error = error;
    } finally {
      this.#running = undefined;
    }
  }

  /** Lets the medium begin with what it has: the sync at the end then finds little left to do. */
  #flush(): void {
    if (this.#flushing !== undefined) return;
    this.#flushed = this.#written;
    this.#flushing = this.#file
      .sync()
      // The system tells of lost bytes only once: it must not be forgotten.
      .catch((error: unknown) => {
        this.#error ??= error;
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  async #room(): Promise<void> {
    await this.#running;
    if (this.#error !== undefined) throw this.#error;
  }
}

/** Groups buffers into writes of about `PIECE` bytes; a larger buffer goes alone. */
function* pieces(buffers: readonly Uint8Array[]): Generator<{ buffers: Uint8Array[]; bytes: number }> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const buffer of buffers) {
    if (bytes > 0 && bytes + buffer.byteLength > PIECE) {
      yield { buffers: group, bytes };
      group = [];
      bytes = 0;
    }
    group.push(buffer);
    bytes += buffer.byteLength;
  }
  if (bytes > 0) yield { buffers: group, bytes };
}
