/** The most symbols an alphabet has, and the deepest limit that is asked for. */
const MAX_SYMBOLS = 288;
const MAX_LIMIT = 15;
/** Items of a level's list that can matter: `2m - 2` for `m` symbols. */
const MAX_ITEMS = 2 * MAX_SYMBOLS;

/** A weight that no leaf or package has. */
const NEVER = 0x7fffffff;

/** Scratch space, reused: a call runs to its end before the next begins. */
const leaves = new Int32Array(MAX_SYMBOLS);
let below = new Int32Array(MAX_ITEMS);
let level = new Int32Array(MAX_ITEMS);
/** Packages among the first `i` items of each level's list, a row a level. */
const packages = new Uint16Array((MAX_LIMIT + 1) * (MAX_ITEMS + 1));
/** How many levels took exactly the first `i` leaves. */
const reach = new Uint8Array(MAX_SYMBOLS + 1);

/**
 * Code lengths by length-limited package-merge, with Go's choices between equal weights: leaves by frequency, then by
 * symbol; a package before a leaf of the same weight. Unused symbols get 0, one or two used ones 1 each.
 * @param frequencies one a symbol, below 2^22
 * @param limit the longest code, at most 15
 * @param lengths is filled, as long as `frequencies`
 */
export function codeLengths(frequencies: Int32Array, limit: number, lengths: Uint8Array): void {
  const count = sortLeaves(frequencies);
  lengths.fill(0);
  if (count <= 2) {
    for (let index = 0; index < count; index++) lengths[(leaves[index] as number) & 511] = 1;
    return;
  }
  const depth = Math.min(limit, count - 1);
  buildLevels(count, depth);
  countReach(count, depth);
  let length = 0;
  for (let index = count - 1; index >= 0; index--) {
    length += reach[index + 1] as number;
    lengths[(leaves[index] as number) & 511] = length;
  }
}

/** Fills `leaves` with `frequency * 512 + symbol`, ascending, and returns how many there are. */
function sortLeaves(frequencies: Int32Array): number {
  let count = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    const frequency = frequencies[symbol] as number;
    if (frequency > 0) leaves[count++] = frequency * 512 + symbol;
  }
  leaves.subarray(0, count).sort();
  return count;
}

/** Merges the leaves with the packages of the level below, level by level, and notes where packages went. */
function buildLevels(count: number, depth: number): void {
  const limit = 2 * count - 2;
  for (let index = 0; index < count; index++) {
    below[index] = (leaves[index] as number) >>> 9;
    packages[index + 1] = 0;
  }
  let size = count;
  for (let row = 1; row < depth; row++) {
    const at = row * (MAX_ITEMS + 1);
    const pairs = size >> 1;
    size = Math.min(limit, count + pairs);
    let pair = 0;
    let leaf = 0;
    let weight = (below[0] as number) + (below[1] as number);
    let frequency = (leaves[0] as number) >>> 9;
    for (let item = 0; item < size; item++) {
      if (frequency < weight) {
        level[item] = frequency;
        frequency = ++leaf < count ? (leaves[leaf] as number) >>> 9 : NEVER;
      } else {
        level[item] = weight;
        pair++;
        weight = pair < pairs ? (below[2 * pair] as number) + (below[2 * pair + 1] as number) : NEVER;
      }
      packages[at + item + 1] = pair;
    }
    [below, level] = [level, below];
  }
}

/** Walks down from the top level: `2m - 2` items there, and twice the packages among them on the level below. */
function countReach(count: number, depth: number): void {
  reach.fill(0, 0, count + 1);
  let items = 2 * count - 2;
  for (let row = depth - 1; row >= 0; row--) {
    const taken = row === 0 ? 0 : (packages[row * (MAX_ITEMS + 1) + items] as number);
    const index = items - taken;
    reach[index] = (reach[index] as number) + 1;
    items = 2 * taken;
  }
}

const CODE_COUNT = new Uint16Array(MAX_LIMIT + 2);

/**
 * Canonical codes (RFC 1951, 3.2.2) of the given lengths, each as `reversed code | length << 16`: a stream takes its
 * bits from the low end.
 */
export function canonicalCodes(lengths: Uint8Array, codes: Int32Array): void {
  CODE_COUNT.fill(0);
  for (const length of lengths) CODE_COUNT[length + 1] = (CODE_COUNT[length + 1] as number) + 1;
  CODE_COUNT[1] = 0;
  for (let length = 2; length <= MAX_LIMIT; length++) {
    CODE_COUNT[length] = ((CODE_COUNT[length] as number) + (CODE_COUNT[length - 1] as number)) << 1;
  }
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number;
    if (length === 0) {
      codes[symbol] = 0;
      continue;
    }
    const code = CODE_COUNT[length] as number;
    CODE_COUNT[length] = code + 1;
    codes[symbol] = reverse(code, length) | (length << 16);
  }
}

/** The lowest `count` bits of `value` in opposite order. */
function reverse(value: number, count: number): number {
  let bits = value;
  bits = ((bits & 0x5555) << 1) | ((bits >> 1) & 0x5555);
  bits = ((bits & 0x3333) << 2) | ((bits >> 2) & 0x3333);
  bits = ((bits & 0x0f0f) << 4) | ((bits >> 4) & 0x0f0f);
  bits = ((bits & 0x00ff) << 8) | (bits >> 8);
  return bits >> (16 - count);
}
