import type { Loan } from './aligned-memory.js';
import type { FileHandle } from './files.js';

/** The two handles of one file. */
export interface Handles {
  readonly plain: FileHandle;
  /** Takes whole, aligned blocks only. */
  readonly direct: FileHandle;
}

/**
 * Writes to the end of a file past the cache of the system: a large blob pushes nothing out of it, and where pages of
 * memory are dear, as on virtual machines, it is several times as fast. What does not fill an aligned block, at the
 * beginning and at the end, goes the usual way. One write runs at a time, in order: the file never has a hole.
 */
export class DirectTail {
  readonly #handles: Handles;
  readonly #loan: Loan;
  /** Where the block that is being filled begins in the file. */
  #at: number;
  /** Bytes in it. */
  #filled = 0;
  /** Bytes it may have: up to the next aligned position. */
  #room: number;
  #which: 0 | 1 = 0;
  #running: Promise<void> | undefined;
  #error: unknown;
  #refused = false;

  constructor(handles: Handles, at: number, loan: Loan) {
    this.#handles = handles;
    this.#loan = loan;
    this.#at = at;
    const over = at % loan.alignment;
    this.#room = over === 0 ? loan.blocks[0].byteLength : loan.alignment - over;
  }

  /** Takes a chunk. A promise means: wait for it before the next one. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    const taken = this.#fill(chunk);
    return taken === chunk.byteLength ? undefined : this.#rest(chunk.subarray(taken));
  }

  /** Writes what is left, closes the direct handle and gives the memory back. */
  async close(): Promise<void> {
    try {
      await this.#running;
      if (this.#error === undefined && this.#filled > 0) this.#start();
      await this.#running;
    } finally {
      this.#loan.give();
      await this.#handles.direct.close();
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** Copies what fits while no write has to be waited for. */
  #fill(chunk: Uint8Array): number {
    let taken = 0;
    while (taken < chunk.byteLength) {
      if (this.#filled === this.#room) {
        if (this.#running !== undefined) break;
        this.#start();
      }
      const part = chunk.subarray(taken, taken + this.#room - this.#filled);
      this.#loan.blocks[this.#which].set(part, this.#filled);
      this.#filled += part.byteLength;
      taken += part.byteLength;
    }
    if (this.#filled === this.#room && this.#running === undefined) this.#start();
    return taken;
  }

  async #rest(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.byteLength > 0) {
      await this.#running;
      if (this.#error !== undefined) throw this.#error;
      rest = rest.subarray(this.#fill(rest));
    }
  }

  /** Begins to write the current block, and goes on to the other. */
  #start(): void {
    const block = this.#loan.blocks[this.#which];
    const at = this.#at;
    this.#running = this.#put(block.subarray(0, this.#filled), at)
      // Never rejects: the error is kept for the next caller.
      .catch((error: unknown) => {
        this.#error = error;
      })
      .finally(() => {
        this.#running = undefined;
      });
    this.#at += this.#filled;
    this.#filled = 0;
    this.#room = block.byteLength;
    this.#which = this.#which === 0 ? 1 : 0;
  }

  async #put(bytes: Uint8Array, at: number): Promise<void> {
    const { plain, direct } = this.#handles;
    const { alignment } = this.#loan;
    if (at % alignment === 0 && bytes.byteLength % alignment === 0 && !this.#refused) {
      try {
        await direct.writev([bytes], at);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
        // The file system asks for more than it told when the file was opened.
        this.#refused = true;
      }
    }
    await plain.writev([bytes], at);
  }
}
