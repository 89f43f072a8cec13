import {
  OciError,
  algorithmOf,
  digestOf,
  isObject,
  isStringMap,
  parseDescriptor,
  parseJson,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import type { Origin, Sink } from '../../image/media.js';
import { sameHost } from '../credentials/keychain.js';
import { NO_PAGE, type Journal } from '../journal/journal.js';
import { responseDetail } from '../errors.js';
import type { RetryOptions } from '../layers/retry.js';
import { hasBlob, resolveForPush } from './present.js';
import { BlobPush, type PushRules } from './push-blob.js';
import { addReferrer } from './referrers-index.js';
import type { PutAnswer, RemoteRepository } from './repository.js';

/** How a remote repository is written to. */
export interface RemoteSinkOptions {
  /** Larger blobs are sent in pieces of so many bytes, so that they can be gone on with. Default 16 MiB. */
  readonly chunkSize?: number;
  /** Remembers uploads in pieces across processes. Default: only within this call. */
  readonly journal?: Journal;
  /** Told what went another way than planned, in a sentence. */
  readonly onNotice?: (notice: string) => void;
  /** How often and after what waits an upload that broke off is gone on with. Default: as requests are sent again. */
  readonly retry?: RetryOptions;
  /**
   * Tries to do more with one request: small blobs are sent with the one that opens their upload, a manifest gets all its
   * tags at once. A registry that cannot do so costs one request more, once. Default false.
   */
  readonly combine?: boolean;
}

const CHUNK = 16 * 1024 * 1024;

/**
 * A remote repository to write to, with as few requests as it takes: blobs of another repository of the registry are
 * mounted without a look first; blobs of one piece are one PUT; larger ones are sent in pieces, and one that breaks off
 * is gone on with where the registry stands. Registries that take no pieces get blobs whole.
 * @throws OciError `INVALID_OPTION`
 *
 * ```ts
 * await copy(source, remoteSink(repository, { journal: openJournal() }), roots);
 * ```
 */
export function remoteSink(repository: RemoteRepository, options: RemoteSinkOptions = {}): Sink {
  const { chunkSize = CHUNK, journal, onNotice = () => undefined, retry = {}, combine = false } = options;
  if (!Number.isSafeInteger(chunkSize) || chunkSize < 1)
    throw new OciError('INVALID_OPTION', `chunkSize is ${chunkSize}, expected 1 or more bytes`);
  const { registry, repository: path } = repository;
  const rules: PushRules = { chunkSize, retry, onNotice, whole: false, atOnce: combine };
  const naming: Naming = { together: combine };
  return {
    name: `${registry}/${path}`,
    origin: { registry, repository: path },
    hasManifest: async ({ digest }, call) => (await resolveForPush(repository, digest, call)) !== undefined,
    hasBlob: (descriptor, call = {}) => hasBlob(repository, descriptor, call),
    resolve: (reference, call) => resolveForPush(repository, reference, call),
    manifest: async ({ digest }, call) => (await repository.manifest(digest, call)).bytes,
    async putBlob(blob, { from = [], ...call } = {}) {
      const push = { ...call, from: from.flatMap((origin) => mountable(origin, repository)) };
      const { digest, size } = blob.descriptor;
      if (journal === undefined || size <= chunkSize)
        return await new BlobPush(repository, rules, blob, { ...push, page: NO_PAGE }).run();
      const { signal } = call;
      return await journal.during(
        { registry, repository: path, digest },
        (page) => new BlobPush(repository, rules, blob, { ...push, page }).run(),
        signal === undefined ? {} : { signal },
      );
    },
    async putManifest(descriptor, bytes, { tags = [], signal } = {}) {
      const call = signal === undefined ? {} : { signal };
      const answer = await putNamed(repository, { descriptor, bytes, tags }, naming, call);
      if (answer.subject === undefined) await listReferrer(repository, descriptor, bytes, { retry, ...call });
    },
  };
}

/** The repository that a blob can be mounted from, if it is another one of the same registry. */
function mountable({ registry, repository }: Origin, to: RemoteRepository): string[] {
  return sameHost(registry, to.registry) && repository !== to.repository ? [repository] : [];
}

/** What is known of how a registry takes names. */
interface Naming {
  /** False once it has not taken several with one request. */
  together: boolean;
}

/** A manifest on its way, and its names. */
interface Named {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly tags: readonly string[];
}

/** Puts a manifest under each of its names; a tag makes it known by its sha256, and by no other digest. */
async function putNamed(
  repository: RemoteRepository,
  put: Named,
  naming: Naming,
  call: CallOptions,
): Promise<PutAnswer> {
  const { descriptor, bytes, tags } = put;
  const { digest, mediaType } = descriptor;
  if (digestOf(bytes, algorithmOf(digest)) !== digest)
    throw new OciError('DIGEST_MISMATCH', `${repository.name('manifest', digest)}: the bytes are others`, {
      detail: { expected: digest },
    });
  const together =
    tags.length > 1 && naming.together ? await putTogether(repository, put, naming, call) : undefined;
  const left = tags.filter((tag) => together?.tags?.includes(tag) !== true);
  const byDigest = together === undefined && (tags.length === 0 || !digest.startsWith('sha256:'));
  let answer = together;
  for (const reference of byDigest ? [digest, ...left] : left) {
    const one = await repository.putManifest(reference, { mediaType, bytes }, call);
    answer ??= one;
  }
  return answer ?? { digest };
}

/** All names in one request, for registries that know `?tag=`; undefined where this is refused. */
async function putTogether(
  repository: RemoteRepository,
  { descriptor: { digest, mediaType }, bytes, tags }: Named,
  naming: Naming,
  call: CallOptions,
): Promise<PutAnswer | undefined> {
  try {
    const answer = await repository.putManifest(digest, { mediaType, bytes }, { ...call, tags });
    if ((answer.tags ?? []).length < tags.length) naming.together = false;
    return answer;
  } catch (error) {
    const status = responseDetail(error)?.status ?? 0;
    // Some registries take manifests by tag only.
    if (![400, 404, 405, 414].includes(status)) throw error;
    naming.together = false;
    return undefined;
  }
}

/** Where the registry lists no referrers, the client does (distribution-spec, "Pushing Manifests with Subject"). */
async function listReferrer(
  repository: RemoteRepository,
  { mediaType, digest, size }: Descriptor,
  bytes: Uint8Array,
  options: CallOptions & { readonly retry: RetryOptions },
): Promise<void> {
  const document = parseJson(bytes, repository.name('manifest', digest));
  if (!isObject(document) || document.subject === undefined || document.subject === null) return;
  const subject = parseDescriptor(document.subject, 'subject');
  const { artifactType, config, annotations } = document;
  const type = artifactType || (isObject(config) ? config.mediaType : undefined);
  const referrer: Descriptor = {
    mediaType,
    digest,
    size,
    ...(typeof type === 'string' ? { artifactType: type } : {}),
    ...(isStringMap(annotations) ? { annotations } : {}),
  };
  await addReferrer(repository, subject.digest, referrer, options);
}
