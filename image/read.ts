import {
  MANIFEST_LIMIT,
  OciError,
  collect,
  streamOf,
  verified,
  type Blob,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type ReadBlobOptions,
} from '../oci/index.js';
import { abortable } from './abortable.js';
import type { Source } from './media.js';

/**
 * A manifest of a source, checked.
 * @throws OciError `MANIFEST_UNKNOWN`, `DIGEST_MISMATCH`, `SIZE_LIMIT`, and what the source throws
 */
export async function readManifest(
  source: Source,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<Uint8Array> {
  const what = `manifest ${descriptor.digest} of ${source.name}`;
  if (descriptor.size > MANIFEST_LIMIT)
    throw new OciError('SIZE_LIMIT', `${what} is larger than ${MANIFEST_LIMIT} bytes`);
  const inline = descriptor.data === undefined ? undefined : Buffer.from(descriptor.data, 'base64');
  const bytes = inline ?? (await source.manifest(descriptor, options));
  return await collect(
    verified(streamOf(bytes), descriptor.digest, descriptor.size, what),
    MANIFEST_LIMIT,
    what,
  );
}

/**
 * The bytes of a blob, checked to their end. Content that is embedded in the descriptor is not asked for.
 * @throws OciError `BLOB_UNKNOWN` and what the source throws; while it is read `DIGEST_MISMATCH`
 */
export async function openBlob(
  source: Source,
  descriptor: Descriptor,
  options: Omit<ReadBlobOptions, 'range'> = {},
): Promise<ByteStream> {
  const { digest, size, data } = descriptor;
  const stream =
    data === undefined ? await source.blob(descriptor, options) : streamOf(Buffer.from(data, 'base64'));
  return verified(abortable(stream, options), digest, size, `blob ${digest} of ${source.name}`);
}

/** A blob of a source. A range of it is given as the place has it: only the whole can be checked. */
export function blobOf(source: Source, descriptor: Descriptor): Blob {
  return {
    descriptor,
    open: ({ range, ...options } = {}) =>
      range === undefined
        ? openBlob(source, descriptor, options)
        : source.blob(descriptor, { ...options, range }),
  };
}
