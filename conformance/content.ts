import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { digestOf, encodeJson, type Descriptor, type DigestAlgorithm } from '../oci/index.js';

/** A manifest as it is pushed, and the descriptor that names it. */
export interface Pushable {
  readonly bytes: Uint8Array;
  readonly descriptor: Descriptor;
}

/** A new seed, for runs that were given none. */
export function newSeed(): string {
  return randomBytes(6).toString('hex');
}

/**
 * Bytes that depend on a seed and a label only: the same in every run with this seed, whatever tests run, and
 * different in every other run.
 */
export class Content {
  readonly #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** `size` bytes nobody else has. */
  bytes(label: string, size: number): Buffer {
    const key = createHash('sha256').update(`${this.#seed}\0${label}`).digest();
    return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
  }

  /** 16 characters of lower-case hex. */
  word(label: string): string {
    return this.bytes(label, 8).toString('hex');
  }
}

/** The descriptor of some bytes under a type. */
export function describeBytes(
  mediaType: string,
  bytes: Uint8Array,
  algorithm: DigestAlgorithm = 'sha256',
): Descriptor {
  return { mediaType, digest: digestOf(bytes, algorithm), size: bytes.byteLength };
}

/** Encodes a manifest once and describes the bytes. */
export function toPushable(
  document: { readonly mediaType: string },
  algorithm: DigestAlgorithm = 'sha256',
): Pushable {
  const bytes = encodeJson(document);
  return { bytes, descriptor: describeBytes(document.mediaType, bytes, algorithm) };
}

/** An iterable over `bytes` in pieces of `size`; it can be iterated again. */
export function pieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
    },
  };
}
