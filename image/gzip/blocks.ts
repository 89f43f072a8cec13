import { crc32 } from 'node:zlib';
import { BitWriter } from './bit-writer.js';
import { BlockWriter } from './block-writer.js';

/** Takes the content of a stream block by block, each of at most 65535 bytes. It keeps nothing that it is given. */
export interface Blocks {
  /** A block that goes in as it is. */
  stored(block: Uint8Array): void;
  /** A block without matches. */
  literals(block: Uint8Array): void;
  /**
   * A block with matches.
   * @param found pairs as `MatchSearch` gives them, the first `count` numbers
   */
  matches(block: Uint8Array, found: Int32Array, count: number): void;
}

const HEADER = Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff]);
const NOTHING = new Uint8Array(0);

/** Blocks as gzip with Go's default header: no name, no time. */
export class GzipBlocks implements Blocks {
  readonly #out = new BitWriter();
  readonly #blocks = new BlockWriter(this.#out);
  #crc = 0;
  #size = 0;

  constructor() {
    this.#out.copy(HEADER);
  }

  stored(block: Uint8Array): void {
    this.#take(block);
    this.#blocks.stored(block);
  }

  literals(block: Uint8Array): void {
    this.#take(block);
    this.#blocks.literalsOnly(block);
  }

  matches(block: Uint8Array, found: Int32Array, count: number): void {
    this.#take(block);
    this.#blocks.matches(block, found, count);
  }

  /** Writes the end of the stream and the trailer. */
  end(): void {
    this.#out.reserve();
    this.#blocks.stored(NOTHING, true);
    this.#out.uint32(this.#crc);
    this.#out.uint32(this.#size);
  }

  /** Begins another stream after `end`. */
  restart(): void {
    this.#crc = 0;
    this.#size = 0;
    this.#out.reserve();
    this.#out.copy(HEADER);
  }

  /** Takes the output that is ready, or with `rest` all of it. Each chunk is the caller's. */
  output(rest: boolean): Uint8Array[] {
    return this.#out.take(rest);
  }

  #take(block: Uint8Array): void {
    this.#out.reserve();
    this.#crc = crc32(block, this.#crc);
    this.#size = (this.#size + block.length) >>> 0;
  }
}
