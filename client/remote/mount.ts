import type { CallOptions, Descriptor } from '../../oci/index.js';
import { responseDetail } from '../errors.js';
import type { UploadState, Uploads } from './uploads.js';

/** Blobs of at least so many bytes are worth asking a second and a third repository for. */
const WORTH_ASKING = 1024 * 1024;
const ASKED_AT_MOST = 3;

/**
 * Mounts a blob from one of the repositories that have it.
 * @returns `mounted`; or the upload that the registry opened instead; undefined when there is neither
 */
export async function mountOrOpen(
  uploads: Uploads,
  { digest, size }: Descriptor,
  from: readonly string[],
  call: CallOptions,
): Promise<'mounted' | UploadState | undefined> {
  let opened: UploadState | undefined;
  for (const repository of from.slice(0, size < WORTH_ASKING ? 1 : ASKED_AT_MOST)) {
    try {
      const state = await uploads.start(digest, { from: repository, ...call });
      if (opened !== undefined) await uploads.cancel(digest, opened.location, call);
      if (state === 'mounted') return 'mounted';
      opened = state;
    } catch (error) {
      // Some registries refuse a mount that they cannot do, instead of opening an upload.
      if (responseDetail(error) === undefined) throw error;
    }
  }
  return opened;
}
