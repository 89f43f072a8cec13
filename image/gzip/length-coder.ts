import type { BitWriter } from './bit-writer.js';
import { DISTANCE_SYMBOLS, LITERAL_SYMBOLS } from './codes.js';
import { canonicalCodes, codeLengths } from './huffman.js';

/** The order in which lengths of code length codes are written (RFC 1951, 3.2.7). */
const ORDER = Uint8Array.from([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);
const SYMBOLS = 19;
const CODE_LIMIT = 7;

/** Extra bits of a code length symbol: of the three that repeat. */
function extraBits(symbol: number): number {
  return symbol < 16 ? 0 : symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
}

/** The head of a dynamic block: code lengths, run-length coded as Go cuts the runs, in a Huffman code of their own. */
export class LengthCoder {
  readonly #sequence = new Uint8Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
  /** What is written: symbols, and the extra number of each. */
  readonly #symbols = new Uint8Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
  readonly #extras = new Uint8Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
  readonly #frequencies = new Int32Array(SYMBOLS);
  readonly #lengths = new Uint8Array(SYMBOLS);
  readonly #codes = new Int32Array(SYMBOLS);
  #count = 0;
  #literals = 0;
  #distances = 0;
  #coded = 0;

  /** Prepares the head for these lengths and returns its size in bits, from the counts on. */
  plan(literals: Uint8Array, distances: Uint8Array): number {
    this.#literals = usedLength(literals, 257);
    this.#distances = usedLength(distances, 1);
    this.#sequence.set(literals.subarray(0, this.#literals));
    this.#sequence.set(distances.subarray(0, this.#distances), this.#literals);
    this.#cutRuns(this.#literals + this.#distances);
    codeLengths(this.#frequencies, CODE_LIMIT, this.#lengths);
    this.#coded = SYMBOLS;
    while (this.#coded > 4 && this.#frequencies[ORDER[this.#coded - 1] as number] === 0) this.#coded--;
    let size = 5 + 5 + 4 + 3 * this.#coded;
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      size += (this.#frequencies[symbol] as number) * ((this.#lengths[symbol] as number) + extraBits(symbol));
    }
    return size;
  }

  /** Writes what was planned. */
  write(out: BitWriter): void {
    out.bits(this.#literals - 257, 5);
    out.bits(this.#distances - 1, 5);
    out.bits(this.#coded - 4, 4);
    for (let index = 0; index < this.#coded; index++) {
      out.bits(this.#lengths[ORDER[index] as number] as number, 3);
    }
    canonicalCodes(this.#lengths, this.#codes);
    for (let index = 0; index < this.#count; index++) {
      const symbol = this.#symbols[index] as number;
      const code = this.#codes[symbol] as number;
      out.bits(code & 0xffff, code >>> 16);
      out.bits(this.#extras[index] as number, extraBits(symbol));
    }
  }

  #cutRuns(size: number): void {
    this.#count = 0;
    this.#frequencies.fill(0);
    let at = 0;
    while (at < size) {
      const length = this.#sequence[at] as number;
      let end = at + 1;
      while (end < size && this.#sequence[end] === length) end++;
      this.#cutRun(length, end - at);
      at = end;
    }
  }

  #cutRun(length: number, size: number): void {
    let left = size;
    if (length > 0) {
      this.#add(length, 0);
      for (left--; left >= 3; left -= Math.min(left, 6)) this.#add(16, Math.min(left, 6) - 3);
    } else {
      for (; left >= 11; left -= Math.min(left, 138)) this.#add(18, Math.min(left, 138) - 11);
      if (left >= 3) {
        this.#add(17, left - 3);
        left = 0;
      }
    }
    for (; left > 0; left--) this.#add(length, 0);
  }

  #add(symbol: number, extra: number): void {
    this.#symbols[this.#count] = symbol;
    this.#extras[this.#count++] = extra;
    this.#frequencies[symbol] = (this.#frequencies[symbol] as number) + 1;
  }
}

/** Lengths up to the last one that is not zero, but at least `least`. */
function usedLength(lengths: Uint8Array, least: number): number {
  let size = lengths.length;
  while (size > least && lengths[size - 1] === 0) size--;
  return size;
}
