import type { Blocks } from './blocks.js';
import { MatchSearch } from './match-search.js';

/** Bytes of a block. */
export const BLOCK = 65535;
/** The window holds the block before, then this many blocks until it is moved. */
const BLOCKS_A_SLIDE = 4;
const WINDOW = (1 + BLOCKS_A_SLIDE) * BLOCK;
/** Blocks up to this size are stored, without looking. */
const STORED_LIMIT = 16;
/** Shorter blocks are not searched for matches. */
const SEARCH_FROM = 128;

/** Cuts a stream into blocks where Go's level 1 does, and finds the matches in them. */
export class BlockMaker {
  readonly #blocks: Blocks;
  readonly #window = new Uint8Array(WINDOW);
  readonly #search = new MatchSearch(this.#window);
  /** Where the current block begins in the window, and where its next byte goes. */
  #start = 0;
  #end = 0;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  /** Takes in bytes, which are copied. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const take = Math.min(BLOCK - (this.#end - this.#start), bytes.length - at);
      this.#window.set(bytes.subarray(at, at + take), this.#end);
      this.#end += take;
      at += take;
      if (this.#end - this.#start === BLOCK) this.flush();
    }
  }

  /** Makes a block of what waits, if anything does. */
  flush(): void {
    const start = this.#start;
    const end = this.#end;
    const size = end - start;
    const block = this.#window.subarray(start, end);
    if (size >= SEARCH_FROM) this.#searched(block);
    else if (size > 0) {
      if (size <= STORED_LIMIT) this.#blocks.stored(block);
      else this.#blocks.literals(block);
      this.#search.forget();
    }
    this.#start = end;
    if (WINDOW - end < BLOCK) this.#slide();
  }

  /** Begins another stream. */
  restart(): void {
    this.#start = 0;
    this.#end = 0;
    this.#search.restart();
  }

  #searched(block: Uint8Array): void {
    const { found } = this.#search;
    const count = this.#search.search(this.#start, this.#end);
    let tokens = block.length + count / 2;
    for (let index = 1; index < count; index += 2) tokens -= (found[index] as number) >>> 15;
    if (tokens > block.length - (block.length >> 4)) this.#blocks.literals(block);
    else this.#blocks.matches(block, found, count);
  }

  /** Moves the last block's worth of bytes to the start of the window. */
  #slide(): void {
    const distance = this.#end - BLOCK;
    this.#window.copyWithin(0, distance, this.#end);
    this.#search.slide(distance);
    this.#start = BLOCK;
    this.#end = BLOCK;
  }
}
