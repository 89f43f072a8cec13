import { createCipheriv, createHash } from 'node:crypto';

/** What random content is made from: equal seeds give equal bytes on every machine and every Node. */
export type RandomSeed = number | string;

/** `size` bytes that look random and depend on the seed alone: the AES-CTR key stream of its hash. */
export function seededBytes(seed: RandomSeed, size: number): Uint8Array {
  const hash = createHash('sha256').update(String(seed)).digest();
  return createCipheriv('aes-128-ctr', hash.subarray(0, 16), hash.subarray(16)).update(Buffer.alloc(size));
}

/** A source of ids, 128 bits in hex: the same list for the same seed. */
export function seededIds(seed: RandomSeed): () => string {
  let count = 0;
  return () => Buffer.from(seededBytes(`${seed}/id/${count++}`, 16)).toString('hex');
}

/** A number from 0 to below 1 that looks random and depends on the seed alone. */
export const seededFraction = (seed: RandomSeed): number =>
  Buffer.from(seededBytes(seed, 4)).readUInt32LE() / 2 ** 32;
