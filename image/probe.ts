import { isOciError, type CallOptions, type Descriptor } from '../oci/index.js';
import type { Source } from './media.js';

/** Whether a source has a manifest. Its bytes are not checked. */
export async function sourceHasManifest(
  source: Source,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<boolean> {
  try {
    await source.manifest(descriptor, options);
    return true;
  } catch (error) {
    if (isOciError(error, 'MANIFEST_UNKNOWN')) return false;
    throw error;
  }
}

/** Whether a source has a blob. One byte of it is asked for at most. */
export async function sourceHasBlob(
  source: Source,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<boolean> {
  if (descriptor.data !== undefined) return true;
  try {
    const stream = await source.blob(descriptor, { ...options, range: { start: 0, end: 0 } });
    await stream[Symbol.asyncIterator]().return?.();
    return true;
  } catch (error) {
    if (isOciError(error, 'BLOB_UNKNOWN')) return false;
    throw error;
  }
}
