import type { CallOptions, Descriptor } from '../../oci/index.js';
import { responseDetail } from '../errors.js';
import type { RemoteRepository } from './repository.js';

/** Whether a blob is there, for somebody who goes on to push it. Throws OciError of the registry's answer. */
export async function hasBlob(
  repository: RemoteRepository,
  { digest }: Descriptor,
  call: CallOptions,
): Promise<boolean> {
  const size = await repository.blobSize(digest, { ...call, forPush: true }).catch(absentIfDenied);
  return size !== undefined;
}

/** What a tag or digest names, for somebody who goes on to push. Throws OciError of the registry's answer. */
export async function resolveForPush(
  repository: RemoteRepository,
  reference: string,
  call: CallOptions = {},
): Promise<Descriptor | undefined> {
  return await repository.resolve(reference, { ...call, forPush: true }).catch(absentIfDenied);
}

/** 403 is what registries say of a repository that begins with the first push; one that is real comes again then. */
function absentIfDenied(error: unknown): undefined {
  if (responseDetail(error)?.status === 403) return undefined;
  throw error;
}
