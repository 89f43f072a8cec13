import {
  OciError,
  digestOf,
  algorithmOf,
  parseManifest,
  verified,
  type Blob,
  type ByteStream,
  type Descriptor,
  type Manifest,
} from '../../oci/index.js';
import type { PutBlobOptions } from '../media.js';

/**
 * Checks the bytes of a manifest that is put somewhere.
 * @throws OciError `DIGEST_MISMATCH`, `MANIFEST_INVALID`
 */
export function checkManifest(
  { digest, size, mediaType }: Descriptor,
  bytes: Uint8Array,
  place: string,
): Manifest {
  const got = digestOf(bytes, algorithmOf(digest));
  if (got !== digest || bytes.length !== size) {
    throw new OciError(
      'DIGEST_MISMATCH',
      `manifest for ${place}: expected ${digest} of ${size} bytes, got ${got} of ${bytes.length} bytes`,
      { detail: { expected: digest, size, received: bytes.length } },
    );
  }
  return parseManifest(bytes, mediaType);
}

/** The bytes of a blob that is put somewhere, checked and counted. Throws OciError `DIGEST_MISMATCH` while it is read. */
export async function* incoming(
  blob: Blob,
  place: string,
  options: PutBlobOptions,
): AsyncGenerator<Uint8Array> {
  const { signal, onProgress } = options;
  const { descriptor } = blob;
  const stream = await blob.open(signal === undefined ? {} : { signal });
  let sent = 0;
  for await (const bytes of checked(stream, descriptor, place)) {
    signal?.throwIfAborted();
    yield bytes;
    sent += bytes.length;
    onProgress?.({ type: 'bytes', descriptor, sent });
  }
}

function checked(stream: ByteStream, { digest, size }: Descriptor, place: string): ByteStream {
  return verified(stream, digest, size, `blob ${digest} for ${place}`);
}
