import { BLOCK } from './block-maker.js';
import type { Blocks } from './blocks.js';

/** Blocks of a piece at most. */
const MOST = 12;
/** Numbers that the matches of a block take at most. */
const FOUND = 2 * (65536 / 4);
const FOUND_AT = MOST * (BLOCK + 1);

/** Bytes that a piece lies in. */
export const PIECE_MEMORY = FOUND_AT + MOST * FOUND * Int32Array.BYTES_PER_ELEMENT;

/** Blocks, written down: for each its length, and how many numbers its matches are (none: -1 as it is, 0 literals only). */
export interface Piece {
  /** The bytes of the blocks, and behind them all, from `FOUND_AT` on, their matches. */
  readonly memory: ArrayBuffer;
  readonly blocks: readonly number[];
}

/** Writes blocks down for another thread. */
export class Recorder implements Blocks {
  readonly #memory: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #found: Int32Array;
  readonly #blocks: number[] = [];
  #byte = 0;
  #number = 0;

  /** @param memory of `PIECE_MEMORY` bytes */
  constructor(memory: ArrayBuffer) {
    this.#memory = memory;
    this.#bytes = new Uint8Array(memory, 0, FOUND_AT);
    this.#found = new Int32Array(memory, FOUND_AT);
  }

  get piece(): Piece {
    return { memory: this.#memory, blocks: this.#blocks };
  }

  /** Whether the blocks that so many bytes more can make have room; they may end two. */
  hasRoom(bytes: number): boolean {
    return this.#blocks.length / 2 + Math.ceil(bytes / BLOCK) + 1 <= MOST;
  }

  stored(block: Uint8Array): void {
    this.#note(block, -1);
  }

  literals(block: Uint8Array): void {
    this.#note(block, 0);
  }

  matches(block: Uint8Array, found: Int32Array, count: number): void {
    this.#note(block, count);
    this.#found.set(found.subarray(0, count), this.#number);
    this.#number += count;
  }

  #note(block: Uint8Array, count: number): void {
    this.#blocks.push(block.length, count);
    this.#bytes.set(block, this.#byte);
    this.#byte += block.length;
  }
}

/** Gives on what was written down. */
export function replay({ memory, blocks }: Piece, to: Blocks): void {
  const bytes = new Uint8Array(memory, 0, FOUND_AT);
  const found = new Int32Array(memory, FOUND_AT);
  let byte = 0;
  let number = 0;
  for (let index = 0; index < blocks.length; index += 2) {
    const end = byte + (blocks[index] as number);
    const count = blocks[index + 1] as number;
    const block = bytes.subarray(byte, end);
    if (count < 0) to.stored(block);
    else if (count === 0) to.literals(block);
    else to.matches(block, found.subarray(number, number + count), count);
    byte = end;
    number += Math.max(count, 0);
  }
}
