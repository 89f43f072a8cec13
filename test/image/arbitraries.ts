import * as fc from 'fast-check';

/** Bytes as files have them: random runs, repeated ones, and copies of what came before. */
export function bytes(maxPieces = 12): fc.Arbitrary<Buffer> {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((array) => (): Buffer => Buffer.from(array)),
    fc.tuple(fc.integer({ min: 0, max: 30_000 }), fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
      ([size, seed]) =>
        (): Buffer =>
          Buffer.alloc(size, seed),
    ),
    fc.tuple(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 70_000 })).map(
      ([start, size]) =>
        (before: Buffer): Buffer =>
          before.subarray(start, start + size),
    ),
    fc.tuple(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 1, max: 0x7fffffff })).map(
      ([size, seed]) =>
        (): Buffer =>
          noise(size, seed),
    ),
  );
  return fc.array(piece, { maxLength: maxPieces }).map((pieces) => {
    let made = Buffer.alloc(0);
    for (const make of pieces) made = Buffer.concat([made, make(made)]);
    return made;
  });
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(size: number, seed: number): Buffer {
  const out = Buffer.alloc(size);
  let x = seed;
  for (let at = 0; at < size; at++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    out[at] = x >>> 24;
  }
  return out;
}

/** How to cut bytes into chunks: sizes that are used in turn, the last one for the rest. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 100_000 })),
  { maxLength: 20 },
);

/** Cuts bytes into chunks, empty ones included. */
export function cut(whole: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(whole.subarray(at, at + size));
    at = Math.min(at + size, whole.length);
  }
  chunks.push(whole.subarray(at));
  return chunks;
}
