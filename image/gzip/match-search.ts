import { MAX_LENGTH } from './codes.js';

const TABLE_BITS = 14;
const MAX_DISTANCE = 32768;
/** Positions so near to the end of a block are neither looked up nor entered. */
const MARGIN = 15;
/** So far back that no position can reach it. */
const EMPTY = -2 * MAX_DISTANCE;

/** `hash` of Go's level 1: 14 bits of the four bytes of a position. */
function hash(four: number): number {
  return Math.imul(four, 0x1e35a7bd) >>> (32 - TABLE_BITS);
}

/**
 * The match search of Go's level 1 (`BestSpeed`): one candidate a hash, no chains, no lazy matching. Works on a window
 * that holds at least 32768 bytes before the block; positions are offsets in that window.
 */
export class MatchSearch {
  readonly #view: DataView;
  readonly #table = new Int32Array(1 << TABLE_BITS).fill(EMPTY);
  /** Where the block before the current one begins. A match from before it does not grow. */
  #previous = 0;
  /** What `search` found: two numbers a match, the literals before it, and `length << 15 | distance - 1`. */
  readonly found = new Int32Array(2 * (65536 / 4));

  /** @param window stays the same array; the bytes in it may be moved with `slide` */
  constructor(window: Uint8Array) {
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
  }

  /** Forgets all positions: no later match reaches back. */
  forget(): void {
    this.#table.fill(EMPTY);
  }

  /** Forgets all that was, as if it were new. */
  restart(): void {
    this.forget();
    this.#previous = 0;
  }

  /** The window's bytes have moved this far towards its start. */
  slide(distance: number): void {
    const table = this.#table;
    for (let index = 0; index < table.length; index++) {
      table[index] = Math.max((table[index] as number) - distance, EMPTY);
    }
    this.#previous = Math.max(this.#previous - distance, 0);
  }

  /**
   * Searches one block, from `start` to `end` in the window (at least 128 bytes), and notes the matches in `found`.
   * @returns how many numbers of `found` are filled
   */
  search(start: number, end: number): number {
    const view = this.#view;
    const table = this.#table;
    const found = this.found;
    const previous = this.#previous;
    const last = end - MARGIN;
    let count = 0;
    let literals = start;
    let at = start;
    scanning: for (;;) {
      let skip = 32;
      let next = at;
      let candidate: number;
      for (;;) {
        at = next;
        const step = skip >> 5;
        next = at + step;
        skip += step;
        if (next > last) break scanning;
        const four = view.getInt32(at, true);
        const slot = hash(four);
        candidate = table[slot] as number;
        table[slot] = at;
        if (at - candidate <= MAX_DISTANCE && view.getInt32(candidate, true) === four) break;
      }
      for (;;) {
        const length = candidate < previous ? 4 : matchLength(view, candidate, at, end);
        found[count++] = at - literals;
        found[count++] = (length << 15) | (at - candidate - 1);
        at += length;
        literals = at;
        if (at >= last) break scanning;
        table[hash(view.getInt32(at - 1, true))] = at - 1;
        const four = view.getInt32(at, true);
        const slot = hash(four);
        candidate = table[slot] as number;
        table[slot] = at;
        if (at - candidate > MAX_DISTANCE || view.getInt32(candidate, true) !== four) break;
      }
      at++;
    }
    this.#previous = start;
    return count;
  }
}

/** How far the bytes at both positions are equal: the first four are known to be, `end` and 258 are the limits. */
function matchLength(view: DataView, candidate: number, at: number, end: number): number {
  const limit = Math.min(MAX_LENGTH, end - at);
  let length = 4;
  while (length + 4 <= limit) {
    const differing = view.getInt32(candidate + length, true) ^ view.getInt32(at + length, true);
    // The lowest set bit tells the first byte that differs.
    if (differing !== 0) return length + ((31 - Math.clz32(differing & -differing)) >> 3);
    length += 4;
  }
  while (length < limit && view.getUint8(candidate + length) === view.getUint8(at + length)) length++;
  return length;
}
