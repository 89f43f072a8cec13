import type { Appender } from './bytes.js';
import { CHUNK, chunkKey, lastChunk, withChunk, withoutLast, type Run } from './record-chunks.js';
import { put, remove, type Operation, type Records } from './records.js';
import { encode } from './values.js';

/** Chunk numbers taken at once: concurrent uploads then own runs, and their lists stay short. */
export const BLOCK = 32;
/** A sender of tiny pieces must not cost a buffer object each. */
const MANY = 256;

/** What an appender works on. */
export interface AppendTarget {
  readonly records: Records;
  /** Key of the record that lists the chunks. */
  readonly key: string;
  readonly size: number;
  readonly runs: readonly Run[];
  /** Bytes of the last chunk, when it is not full. */
  readonly tail: Uint8Array | undefined;
  /** The first of a block of chunk numbers that nobody had before. */
  readonly block: () => Promise<number>;
}

/**
 * Takes bytes into chunks; each is written with the list that names it, in one commit. A last chunk that is not full is
 * replaced by a longer one when more comes.
 */
export class RecordAppender implements Appender {
  readonly #target: AppendTarget;
  #runs: readonly Run[];
  #size: number;
  /** Bytes in stored chunks. */
  #stored: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** The chunk that the next one takes the place of. */
  #replaced: number | undefined;
  /** The parts hold more than that chunk. */
  #fresh = false;
  /** Numbers left in the block at hand. */
  #free = { next: 0, left: 0 };
  #running: Promise<void> = Promise.resolve();
  #error: unknown;

  constructor(target: AppendTarget) {
    this.#target = target;
    this.#size = target.size;
    this.#runs = target.runs;
    this.#stored = target.size;
    if (target.tail === undefined) return;
    this.#parts = [target.tail];
    this.#bytes = target.tail.byteLength;
    this.#stored -= this.#bytes;
    this.#replaced = lastChunk(target.runs);
    this.#runs = withoutLast(target.runs);
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    let rest = chunk;
    let before: Promise<void> | undefined;
    this.#size += chunk.byteLength;
    while (this.#bytes + rest.byteLength >= CHUNK) {
      const room = CHUNK - this.#bytes;
      this.#parts.push(rest.subarray(0, room));
      rest = rest.subarray(room);
      before = this.#store();
    }
    if (rest.byteLength > 0) {
      this.#parts.push(rest);
      this.#bytes += rest.byteLength;
      this.#fresh = true;
      if (this.#parts.length > MANY) this.#parts = [Buffer.concat(this.#parts)];
    }
    // One chunk is on its way while the next one gathers.
    return before === undefined ? undefined : this.#wait(before);
  }

  async close(): Promise<void> {
    if (this.#fresh) void this.#store();
    await this.#wait(this.#running);
  }

  async #wait(stored: Promise<void>): Promise<void> {
    await stored;
    if (this.#error !== undefined) throw this.#error;
  }

  /** Sends a chunk on its way; returns when those before it are stored. Never rejects: the error is kept. */
  #store(): Promise<void> {
    const value = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#fresh = false;
    const before = this.#running;
    this.#running = before
      .then(() => this.#put(value))
      .catch((error: unknown) => {
        this.#error ??= error;
      });
    return before;
  }

  async #put(value: Uint8Array): Promise<void> {
    if (this.#error !== undefined) return;
    if (this.#free.left === 0) this.#free = { next: await this.#target.block(), left: BLOCK };
    const number = this.#free.next++;
    this.#free.left--;
    this.#runs = withChunk(this.#runs, number);
    this.#stored += value.byteLength;
    const operations: Operation[] = [
      put(chunkKey(number), value),
      put(this.#target.key, encode({ size: this.#stored, runs: this.#runs })),
    ];
    const replaced = this.#replaced;
    this.#replaced = undefined;
    if (replaced !== undefined) operations.push(remove(chunkKey(replaced)));
    // From here on no list names the chunk that is replaced: a power loss must not bring it back.
    await this.#target.records.commit(operations, [], { sync: replaced !== undefined });
  }
}
