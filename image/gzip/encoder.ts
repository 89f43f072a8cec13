import { crc32 } from 'node:zlib';
import { OciError } from '../../oci/index.js';
import { BitWriter } from './bit-writer.js';
import { BlockWriter } from './block-writer.js';
import { MatchSearch } from './match-search.js';

const BLOCK = 65535;
/** The window holds the block before, then this many blocks until it is moved. */
const BLOCKS_A_SLIDE = 4;
const WINDOW = (1 + BLOCKS_A_SLIDE) * BLOCK;
/** Blocks up to this size are stored, without looking. */
const STORED_LIMIT = 16;
/** Shorter blocks are not searched for matches. */
const SEARCH_FROM = 128;
const HEADER = Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff]);
const NOTHING = new Uint8Array(0);

/**
 * A gzip stream, byte for byte as Go's `compress/gzip` writes it at level 1 (`BestSpeed`) with its default header: no
 * name, no time. How the input is cut has no effect on the output. Takes about 900 KiB, whatever the size.
 *
 * Each method gives the output that is ready; put together in order, these chunks are the stream, and they are the
 * caller's to keep. After `end` the encoder is spent until `restart`.
 * @throws OciError `INVALID_OPTION` from every other method after `end`
 */
export class GzipEncoder {
  readonly #out = new BitWriter();
  readonly #blocks = new BlockWriter(this.#out);
  readonly #window = new Uint8Array(WINDOW);
  readonly #search = new MatchSearch(this.#window);
  /** Where the current block begins in the window, and where its next byte goes. */
  #start = 0;
  #end = 0;
  #crc = 0;
  #size = 0;
  #ended = false;

  constructor() {
    this.#out.copy(HEADER);
  }

  /** Takes in bytes, which are copied. Output comes in pieces of about 150 KiB, so mostly there is none. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#refuseEnded();
    this.#crc = crc32(bytes, this.#crc);
    this.#size = (this.#size + bytes.length) >>> 0;
    let at = 0;
    while (at < bytes.length) {
      const take = Math.min(BLOCK - (this.#end - this.#start), bytes.length - at);
      this.#window.set(bytes.subarray(at, at + take), this.#end);
      this.#end += take;
      at += take;
      if (this.#end - this.#start === BLOCK) this.#block();
    }
    return this.#out.take(false);
  }

  /** Writes out all that was taken in, aligned by an empty stored block. Costs size: only for a reader that waits. */
  flush(): Uint8Array[] {
    this.#refuseEnded();
    this.#block();
    this.#blocks.stored(NOTHING);
    return this.#out.take(true);
  }

  /** Writes the rest and the trailer. */
  end(): Uint8Array[] {
    this.#refuseEnded();
    this.#ended = true;
    this.#block();
    this.#blocks.stored(NOTHING, true);
    this.#out.uint32(this.#crc);
    this.#out.uint32(this.#size);
    return this.#out.take(true);
  }

  #refuseEnded(): void {
    if (this.#ended)
      throw new OciError('INVALID_OPTION', 'gzip: the stream has ended and takes no more input');
  }

  /** Begins another stream after `end`, as a new encoder would, but without what making one costs. */
  restart(): void {
    this.#ended = false;
    this.#start = 0;
    this.#end = 0;
    this.#crc = 0;
    this.#size = 0;
    this.#search.restart();
    this.#out.reserve();
    this.#out.copy(HEADER);
  }

  /** Writes what waits as one deflate block. */
  #block(): void {
    const start = this.#start;
    const end = this.#end;
    const size = end - start;
    this.#out.reserve();
    const block = this.#window.subarray(start, end);
    if (size >= SEARCH_FROM) this.#searched(block);
    else if (size > 0) {
      if (size <= STORED_LIMIT) this.#blocks.stored(block);
      else this.#blocks.literalsOnly(block);
      this.#search.forget();
    }
    this.#start = end;
    if (WINDOW - end < BLOCK) this.#slide();
  }

  #searched(block: Uint8Array): void {
    const { found } = this.#search;
    const count = this.#search.search(this.#start, this.#end);
    let tokens = block.length + count / 2;
    for (let index = 1; index < count; index += 2) tokens -= (found[index] as number) >>> 15;
    if (tokens > block.length - (block.length >> 4)) this.#blocks.literalsOnly(block);
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
