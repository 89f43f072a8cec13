import { createHash, type Hash } from 'node:crypto';
import { OciError } from './errors.js';
import { quote } from './quote.js';

declare const brand: unique symbol;

/** A checked digest of a supported algorithm, `sha256:<64 hex>` or `sha512:<128 hex>`. */
export type Digest = string & { readonly [brand]: 'Digest' };

/** The algorithms of the digests that are supported. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };
const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const HEX = /^[0-9a-f]+$/;
/** Longer text is no digest of any algorithm, and is not looked into. */
const LENGTH_LIMIT = 256;

/** Algorithms that content can be named by here (image-spec, descriptor.md, "Registered algorithms"). */
export const DIGEST_ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512'];

/** True for the name of a supported algorithm. */
export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return Object.hasOwn(HEX_LENGTH, text);
}

/** True for a digest that `parseDigest` accepts. */
export function isDigest(text: string): text is Digest {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, colon);
  if (!isDigestAlgorithm(algorithm)) return false;
  return text.length - colon - 1 === HEX_LENGTH[algorithm] && HEX.test(text.slice(colon + 1));
}

/**
 * Checks a digest (image-spec, descriptor.md, "Digests").
 * @throws OciError `DIGEST_INVALID` when it is malformed or its algorithm is not supported
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const algorithm = text.slice(0, text.indexOf(':'));
  const reason =
    text.length > LENGTH_LIMIT || !GRAMMAR.test(text)
      ? 'it is not algorithm:hex'
      : isDigestAlgorithm(algorithm)
        ? `${algorithm} takes ${HEX_LENGTH[algorithm]} lower-case hex digits`
        : `the algorithm is not one of ${DIGEST_ALGORITHMS.join(', ')}`;
  throw new OciError('DIGEST_INVALID', `digest ${quote(text)} is not valid: ${reason}`, {
    detail: { digest: text.slice(0, LENGTH_LIMIT) },
  });
}

/** The algorithm a digest was made with. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

/** The hexadecimal half of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of bytes that lie in memory whole. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** A running digest. `digest()` may be called more than once, and `update` after it. */
export class Digester {
  readonly algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  #size = 0;

  constructor(algorithm: DigestAlgorithm = 'sha256') {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /** Bytes taken in so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): this {
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
    return this;
  }

  digest(): Digest {
    return `${this.algorithm}:${this.#hash.copy().digest('hex')}` as Digest;
  }
}
