import type { BitWriter } from './bit-writer.js';
import {
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  END_OF_BLOCK,
  LENGTH_BASE,
  LENGTH_CODE,
  LENGTH_EXTRA,
  LITERAL_SYMBOLS,
  MAX_LENGTH,
  distanceCode,
} from './codes.js';
import { canonicalCodes, codeLengths } from './huffman.js';
import { LengthCoder } from './length-coder.js';

const CODE_LIMIT = 15;
const DYNAMIC = 2;
const EMPTY = new Int32Array(0);

/** Writes deflate blocks, stored or with Huffman codes of their own, whichever Go would choose. */
export class BlockWriter {
  readonly #out: BitWriter;
  readonly #literals = new Int32Array(LITERAL_SYMBOLS);
  readonly #distances = new Int32Array(DISTANCE_SYMBOLS);
  readonly #literalLengths = new Uint8Array(LITERAL_SYMBOLS);
  readonly #distanceLengths = new Uint8Array(DISTANCE_SYMBOLS);
  readonly #literalCodes = new Int32Array(LITERAL_SYMBOLS);
  readonly #distanceCodes = new Int32Array(DISTANCE_SYMBOLS);
  readonly #lengths = new LengthCoder();
  /** Code and extra bits of each match length, and how many bits that is. */
  readonly #matchBits = new Int32Array(MAX_LENGTH + 1);
  readonly #matchBitCount = new Uint8Array(MAX_LENGTH + 1);

  constructor(out: BitWriter) {
    this.#out = out;
  }

  /** A stored block of at most 65535 bytes. */
  stored(bytes: Uint8Array, final = false): void {
    this.#out.bits(final ? 1 : 0, 3);
    this.#out.align();
    this.#out.uint32(bytes.length | (~bytes.length << 16));
    this.#out.copy(bytes);
  }

  /** A block without matches. */
  literalsOnly(block: Uint8Array): void {
    this.#literals.fill(0);
    this.#count(block, 0, block.length);
    // A stand-in: the format wants a distance code, and its bit counts in the size.
    this.#distances.fill(0);
    this.#distances[0] = 1;
    this.#choose(block, EMPTY, 0);
  }

  /**
   * A block with matches.
   * @param found pairs as `MatchSearch` gives them, the first `count` numbers
   */
  matches(block: Uint8Array, found: Int32Array, count: number): void {
    this.#literals.fill(0);
    this.#distances.fill(0);
    const literals = this.#literals;
    const distances = this.#distances;
    let at = 0;
    for (let index = 0; index < count; index += 2) {
      const match = found[index + 1] as number;
      for (const end = at + (found[index] as number); at < end; at++) {
        const byte = block[at] as number;
        literals[byte] = (literals[byte] as number) + 1;
      }
      const length = match >>> 15;
      at += length;
      const symbol = 257 + (LENGTH_CODE[length] as number);
      literals[symbol] = (literals[symbol] as number) + 1;
      const distance = distanceCode(match & 0x7fff);
      distances[distance] = (distances[distance] as number) + 1;
    }
    this.#count(block, at, block.length);
    this.#choose(block, found, count);
  }

  #count(block: Uint8Array, start: number, end: number): void {
    const literals = this.#literals;
    for (let at = start; at < end; at++) {
      const byte = block[at] as number;
      literals[byte] = (literals[byte] as number) + 1;
    }
  }

  /** Makes the codes, and writes the block with them unless storing it takes less than 17/16 of that. */
  #choose(block: Uint8Array, found: Int32Array, count: number): void {
    this.#literals[END_OF_BLOCK] = 1;
    codeLengths(this.#literals, CODE_LIMIT, this.#literalLengths);
    codeLengths(this.#distances, CODE_LIMIT, this.#distanceLengths);
    const header = this.#lengths.plan(this.#literalLengths, this.#distanceLengths);
    const dynamic =
      3 + header + dot(this.#literals, this.#literalLengths) + dot(this.#distances, this.#distanceLengths);
    if ((block.length + 5) * 8 < dynamic + (dynamic >> 4)) {
      this.stored(block);
      return;
    }
    this.#out.bits(DYNAMIC << 1, 3);
    this.#lengths.write(this.#out);
    canonicalCodes(this.#literalLengths, this.#literalCodes);
    canonicalCodes(this.#distanceLengths, this.#distanceCodes);
    if (count > 0) this.#prepareMatches();
    this.#tokens(block, found, count);
    this.#literal(END_OF_BLOCK);
  }

  #literal(symbol: number): void {
    const code = this.#literalCodes[symbol] as number;
    this.#out.bits(code & 0xffff, code >>> 16);
  }

  #prepareMatches(): void {
    for (let length = 4; length <= MAX_LENGTH; length++) {
      const index = LENGTH_CODE[length] as number;
      const code = this.#literalCodes[257 + index] as number;
      const bits = code >>> 16;
      this.#matchBits[length] = (code & 0xffff) | ((length - (LENGTH_BASE[index] as number)) << bits);
      this.#matchBitCount[length] = bits + (LENGTH_EXTRA[index] as number);
    }
  }

  /** The block's literals and matches, in order. The hot loop: it is `BitWriter.bits` with the state in variables. */
  #tokens(block: Uint8Array, found: Int32Array, count: number): void {
    const out = this.#out;
    const { view } = out;
    const literalCodes = this.#literalCodes;
    const distanceCodes = this.#distanceCodes;
    const matchBits = this.#matchBits;
    const matchBitCount = this.#matchBitCount;
    let { at: to, waiting, waitingBits } = out;
    let from = 0;
    for (let index = 0; index <= count; index += 2) {
      // After the last match come the literals up to the end of the block.
      const end = index < count ? from + (found[index] as number) : block.length;
      for (; from < end; from++) {
        const code = literalCodes[block[from] as number] as number;
        waiting |= (code & 0xffff) << waitingBits;
        waitingBits += code >>> 16;
        view.setInt32(to, waiting, true);
        to += waitingBits >>> 3;
        waiting >>>= waitingBits & 24;
        waitingBits &= 7;
      }
      if (index === count) break;
      const match = found[index + 1] as number;
      const length = match >>> 15;
      from += length;
      waiting |= (matchBits[length] as number) << waitingBits;
      waitingBits += matchBitCount[length] as number;
      view.setInt32(to, waiting, true);
      to += waitingBits >>> 3;
      waiting >>>= waitingBits & 24;
      waitingBits &= 7;
      const below = match & 0x7fff;
      const distance = distanceCode(below);
      const code = distanceCodes[distance] as number;
      waiting |= (code & 0xffff) << waitingBits;
      waitingBits += code >>> 16;
      view.setInt32(to, waiting, true);
      to += waitingBits >>> 3;
      waiting >>>= waitingBits & 24;
      waitingBits &= 7;
      waiting |= (below + 1 - (DISTANCE_BASE[distance] as number)) << waitingBits;
      waitingBits += DISTANCE_EXTRA[distance] as number;
      view.setInt32(to, waiting, true);
      to += waitingBits >>> 3;
      waiting >>>= waitingBits & 24;
      waitingBits &= 7;
    }
    out.at = to;
    out.waiting = waiting;
    out.waitingBits = waitingBits;
  }
}

function dot(frequencies: Int32Array, lengths: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < frequencies.length; index++) {
    sum += (frequencies[index] as number) * (lengths[index] as number);
  }
  return sum;
}
