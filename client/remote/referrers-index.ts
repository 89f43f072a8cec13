import {
  MEDIA_TYPES,
  OciError,
  encodeJson,
  isObject,
  isOciError,
  parseJson,
  referrersTag,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { responseDetail } from '../errors.js';
import type { RetryOptions } from '../layers/retry.js';
import { sleep as wait } from '../layers/sleep.js';
import { backOff } from '../passing.js';
import type { RemoteRepository } from './repository.js';

/** Writers that may come between, before it is given up. */
const ATTEMPTS = 10;

/** Updates under way, by registry, repository and tag: those of this process go one after another. */
const turns = new Map<string, Promise<unknown>>();

/**
 * Adds a referrer to the index under the tag that stands in for the referrers API (distribution-spec, "Pushing Manifests
 * with Subject"). Where the registry knows conditions it is asked to keep others' entries; anywhere the index is read
 * again afterwards, and what another writer has thrown out is added again.
 * @throws OciError `MANIFEST_INVALID` when the tag names something else, `PRECONDITION_FAILED` when others always came
 *   first, and what the registry answers
 */
export async function addReferrer(
  repository: RemoteRepository,
  subject: Digest,
  referrer: Descriptor,
  options: CallOptions & { readonly retry?: RetryOptions } = {},
): Promise<void> {
  const key = JSON.stringify([repository.registry, repository.repository, subject]);
  const before = turns.get(key) ?? Promise.resolve();
  const turn = before.catch(() => undefined).then(() => update(repository, subject, referrer, options));
  turns.set(key, turn);
  try {
    await turn;
  } finally {
    if (turns.get(key) === turn) turns.delete(key);
  }
}

async function update(
  repository: RemoteRepository,
  subject: Digest,
  referrer: Descriptor,
  { retry = {}, ...call }: CallOptions & { readonly retry?: RetryOptions },
): Promise<void> {
  const tag = referrersTag(subject);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    call.signal?.throwIfAborted();
    const current = await read(repository, tag, call);
    if (current.manifests.some((entry) => isObject(entry) && entry.digest === referrer.digest)) return;
    const document = { ...current.document, manifests: [...current.manifests, referrer] };
    const put = { mediaType: MEDIA_TYPES.ociIndex, bytes: encodeJson(document) };
    try {
      await repository.putManifest(tag, put, {
        ...call,
        ...(current.etag === undefined ? {} : { ifMatch: current.etag }),
      });
    } catch (error) {
      if (responseDetail(error)?.status !== 412) throw error;
      await (retry.sleep ?? wait)(backOff(attempt, { ...retry, base: 50 }), call.signal);
    }
  }
  throw new OciError(
    'PRECONDITION_FAILED',
    `${repository.name('manifest', tag)}: others write the list of referrers at the same time, and ` +
      `${referrer.digest} is not in it after ${ATTEMPTS} attempts: push it again`,
    { detail: { tag, digest: referrer.digest } },
  );
}

interface Current {
  readonly document: Readonly<Record<string, unknown>>;
  readonly manifests: readonly unknown[];
  /** Null: there is nothing yet. */
  readonly etag?: string | null;
}

async function read(repository: RemoteRepository, tag: string, call: CallOptions): Promise<Current> {
  const what = repository.name('manifest', tag);
  const found = await repository.manifest(tag, call).catch((error: unknown) => {
    if (isOciError(error, 'MANIFEST_UNKNOWN') || isOciError(error, 'NAME_UNKNOWN')) return undefined;
    throw error;
  });
  if (found === undefined) {
    const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex };
    return { document, manifests: [], etag: null };
  }
  const document = parseJson(found.bytes, what);
  // Go writes an empty list as null.
  const list = isObject(document) ? document.manifests : undefined;
  const manifests = list === null ? [] : list;
  if (!isObject(document) || !Array.isArray(manifests))
    throw new OciError(
      'MANIFEST_INVALID',
      `${what} is not the index that lists referrers: delete the tag if nobody needs it, and push again`,
    );
  return { document, manifests, ...(found.etag === undefined ? {} : { etag: found.etag }) };
}
