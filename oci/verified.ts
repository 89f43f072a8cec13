import { Digester, algorithmOf, type Digest } from './digest.js';
import { OciError } from './errors.js';
import type { ByteStream } from './stream.js';

/**
 * The bytes of a stream, which must be those that a digest names. The last chunk is kept back until all are checked, so
 * that nobody has the whole of what is wrong.
 * @param size bytes, if known; one more or less is refused
 * @throws OciError `DIGEST_MISMATCH`
 */
export function verified(
  stream: ByteStream,
  digest: Digest,
  size: number | undefined,
  what: string,
): AsyncGenerator<Uint8Array> {
  // Nothing is hashed twice on its way through several hands.
  if (isVerified(stream, digest, size)) return stream;
  const checked = check(stream, digest, size, what);
  CHECKED.set(checked, { digest, size });
  return checked;
}

/** Streams that check themselves, and what they are checked against. */
const CHECKED = new WeakMap<ByteStream, { readonly digest: Digest; readonly size: number | undefined }>();

/** True for a stream of `verified` that is checked against all of this. */
export function isVerified(
  stream: ByteStream,
  digest: Digest,
  size?: number,
): stream is AsyncGenerator<Uint8Array> {
  const known = CHECKED.get(stream);
  return known?.digest === digest && (size === undefined || known.size === size);
}

async function* check(
  stream: ByteStream,
  digest: Digest,
  size: number | undefined,
  what: string,
): AsyncGenerator<Uint8Array> {
  const digester = new Digester(algorithmOf(digest));
  const wrong = (got: string): OciError =>
    new OciError(
      'DIGEST_MISMATCH',
      `${what}: expected ${digest}${size === undefined ? '' : ` of ${size} bytes`}, got ${got}`,
      {
        detail: { expected: digest, size, received: digester.size },
      },
    );
  let kept: Uint8Array | undefined;
  for await (const chunk of stream) {
    digester.update(chunk);
    if (size !== undefined && digester.size > size) throw wrong(`more than ${size} bytes`);
    if (kept !== undefined) yield kept;
    kept = chunk;
  }
  if (size !== undefined && digester.size < size) throw wrong(`only ${digester.size} bytes`);
  if (digester.digest() !== digest) throw wrong(digester.digest());
  if (kept !== undefined) yield kept;
}
