import { createCipheriv, createHash, randomBytes, randomFillSync } from 'node:crypto';

const PIECE = 1024 * 1024;
/** What Go's copy loop puts in one chunk. */
const FRAME = 32 * 1024;

const base = randomFillSync(Buffer.allocUnsafeSlow(PIECE));
const baseFramed = framed(base);
/** Running hashes of so many base pieces. @type {Map<number, import('node:crypto').Hash>} */
const prefixes = new Map();

/**
 * @typedef {object} Blob
 * @property {number} size
 * @property {string} digest
 * @property {() => Iterable<Uint8Array>} pieces
 * @property {() => Iterable<Uint8Array>} chunks the pieces framed for `Transfer-Encoding: chunked`
 */

/**
 * A blob that no server has seen: random pieces of which only the last one is its own, so that making one, and its digest,
 * costs next to nothing.
 * @param {number} size a multiple of 1 MiB, or less than that
 * @returns {Blob}
 */
export function freshBlob(size) {
  if (size < PIECE) return smallBlob(size);
  const repeats = size / PIECE - 1;
  const last = Buffer.from(base);
  randomBytes(64).copy(last);
  const digest = `sha256:${prefixHash(repeats).copy().update(last).digest('hex')}`;
  return {
    size,
    digest,
    pieces: () => repeated(base, repeats, [last]),
    chunks: () => repeated(baseFramed, repeats, [framed(last), Buffer.from('0\r\n\r\n')]),
  };
}

/** @param {number} size */
function smallBlob(size) {
  const bytes = Buffer.from(base.subarray(0, size));
  randomBytes(Math.min(64, size)).copy(bytes);
  return {
    size,
    digest: digestOf(bytes),
    pieces: () => [bytes],
    chunks: () => [framed(bytes), Buffer.from('0\r\n\r\n')],
  };
}

/** @param {Uint8Array | string} bytes */
export const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * Bytes that look random and are the same in every run.
 * @param {string} seed
 * @param {number} size
 */
export function noise(seed, size) {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** @param {number} repeats */
function prefixHash(repeats) {
  const known = prefixes.get(repeats);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (let count = 0; count < repeats; count++) hash.update(base);
  prefixes.set(repeats, hash);
  return hash;
}

/**
 * @param {Buffer} piece
 * @param {number} times
 * @param {readonly Buffer[]} end
 */
function* repeated(piece, times, end) {
  for (let count = 0; count < times; count++) yield piece;
  yield* end;
}

/** @param {Buffer} bytes */
function framed(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += FRAME) {
    const part = bytes.subarray(at, at + FRAME);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}
