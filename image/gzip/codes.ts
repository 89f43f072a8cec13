/** Symbols of the literal/length alphabet that can occur (RFC 1951, 3.2.5). */
export const LITERAL_SYMBOLS = 286;
/** Symbols of the distance alphabet that can occur. */
export const DISTANCE_SYMBOLS = 30;
/** The symbol that ends a block. */
export const END_OF_BLOCK = 256;
/** The longest match. */
export const MAX_LENGTH = 258;

/** Extra bits of each length code, from symbol 257 on. */
export const LENGTH_EXTRA = Uint8Array.from([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
/** The shortest length of each length code, from symbol 257 on. */
export const LENGTH_BASE = basesOf(LENGTH_EXTRA, 3);
LENGTH_BASE[28] = MAX_LENGTH;

/** Extra bits of each distance code. */
export const DISTANCE_EXTRA = Uint8Array.from({ length: DISTANCE_SYMBOLS }, (_, code) =>
  code < 4 ? 0 : (code >> 1) - 1,
);
/** The shortest distance of each distance code. */
export const DISTANCE_BASE = basesOf(DISTANCE_EXTRA, 1);

/** Length code (0 is symbol 257) of each length from 3 to 258; 258 has a code of its own. */
export const LENGTH_CODE = new Uint8Array(MAX_LENGTH + 1);
for (const [code, base] of LENGTH_BASE.entries()) LENGTH_CODE.fill(code, base);

/** Distance codes of `distance - 1` below 256, then of `(distance - 1) >> 7` at 256 and beyond. */
const DISTANCE_CODE = new Uint8Array(512);
for (const [code, base] of DISTANCE_BASE.entries()) {
  if (base <= 256) DISTANCE_CODE.fill(code, base - 1, 256);
  else DISTANCE_CODE.fill(code, 256 + ((base - 1) >> 7));
}

/** The code of a distance, given as `distance - 1` (0 to 32767). */
export function distanceCode(below: number): number {
  return DISTANCE_CODE[below < 256 ? below : 256 + (below >> 7)] as number;
}

function basesOf(extra: Uint8Array, first: number): Uint16Array {
  const bases = new Uint16Array(extra.length);
  let next = first;
  for (const [code, bits] of extra.entries()) {
    bases[code] = next;
    next += 1 << bits;
  }
  return bases;
}
