import {
  OciError,
  isDigest,
  isDigestAlgorithm,
  isOciError,
  isRepository,
  parseDigest,
  quote,
  type Digest,
} from '../oci/index.js';
import { bodyOf, contentLength, empty, header, repositoryOf, type Call } from './call.js';
import { errorResponse } from './errors.js';
import { parseContentRange } from './range.js';
import type { AppendOptions, UploadStatus } from './storage/uploads.js';

interface Target {
  readonly repo: string;
}

interface Session extends Target {
  readonly id: string;
}

/** Ids are given out here, and need no escape in a URL. */
const ID = /^[\w.~-]{1,256}$/;

/**
 * POST of an upload (distribution-spec, "Pushing blobs"): opens a session (end-4a), takes a whole blob (end-4b, with
 * `digest`), or mounts one of another repository (end-11, with `mount`).
 */
export async function postUpload(call: Call, target: Target): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  const { query } = call;
  const mount = query.get('mount');
  if (mount !== null && isDigest(mount) && (await tryMount(call, repo, mount, query.get('from')))) {
    return created(repo, mount);
  }
  const digest = query.get('digest');
  if (digest !== null) {
    const wanted = parseDigest(digest);
    const options = lengthOf(call);
    await call.store.uploads.put(repo, wanted, bodyOf(call, options.length), options);
    return created(repo, wanted);
  }
  const algorithm = query.get('digest-algorithm') ?? 'sha256';
  if (!isDigestAlgorithm(algorithm)) {
    throw new OciError('DIGEST_INVALID', `digest algorithm ${quote(algorithm, 40)} is not supported`, {
      detail: { algorithm: algorithm.slice(0, 40) },
    });
  }
  return accepted(repo, await call.store.uploads.start(repo, algorithm));
}

/** Links a blob from a repository that the caller may pull from; without `from`, from any such repository. */
async function tryMount(call: Call, repo: string, digest: Digest, from: string | null): Promise<boolean> {
  const { store, access, principal } = call;
  const visible = (name: string): boolean => access.allows(principal, 'pull', name);
  if (from === null) {
    const owner = await store.blobs.findOwner(digest, visible);
    return owner !== undefined && (await store.blobs.link(repo, digest));
  }
  if (!isRepository(from) || !visible(from) || (await store.blobs.stat(from, digest)) === undefined)
    return false;
  return await store.blobs.link(repo, digest);
}

/** PATCH of a session: a chunk with its range, or a stream without one (end-5). */
export async function patchUpload(call: Call, target: Session): Promise<Response> {
  return await withSession(call, target, async (repo, id) => {
    const options = chunkOptions(call);
    return accepted(repo, await call.store.uploads.append(repo, id, bodyOf(call, options.length), options));
  });
}

/** PUT of a session: the last bytes, if any, and the digest of all (end-6). */
export async function putUpload(call: Call, target: Session): Promise<Response> {
  return await withSession(call, target, async (repo, id) => {
    const text = call.query.get('digest');
    if (text === null) throw new OciError('DIGEST_INVALID', 'the closing PUT needs ?digest=');
    const digest = parseDigest(text);
    const options = chunkOptions(call);
    await call.store.uploads.finish(repo, id, digest, bodyOf(call, options.length), options);
    return created(repo, digest);
  });
}

/** GET of a session: how much is there (end-13). */
export async function getUpload(call: Call, target: Session): Promise<Response> {
  return await withSession(call, target, async (repo, id) =>
    empty(204, sessionHeaders(repo, await call.store.uploads.status(repo, id))),
  );
}

/** DELETE of a session: forget it (end-14). */
export async function deleteUpload(call: Call, target: Session): Promise<Response> {
  return await withSession(call, target, async (repo, id) => {
    await call.store.uploads.cancel(repo, id);
    return empty(204, {});
  });
}

const lengthOf = (call: Call): AppendOptions => {
  const length = contentLength(call);
  return length === undefined ? {} : { length };
};

/**
 * What the headers say of a chunk.
 * @throws OciError `RANGE_INVALID`, `SIZE_INVALID`
 */
function chunkOptions(call: Call): AppendOptions {
  const options = lengthOf(call);
  const text = header(call, 'content-range');
  if (text === undefined) return options;
  const { start, end } = parseContentRange(text);
  const length = end - start + 1;
  if (options.length !== undefined && options.length !== length) {
    throw new OciError(
      'SIZE_INVALID',
      `Content-Range names ${length} bytes, Content-Length ${options.length}`,
    );
  }
  return { at: start, length };
}

/**
 * Runs what a request wants of a session. A chunk that does not fit is answered with where the upload stands, so that
 * the client goes on from there.
 */
async function withSession(
  call: Call,
  target: Session,
  work: (repo: string, id: string) => Promise<Response>,
): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  const { id } = target;
  if (!ID.test(id)) throw new OciError('BLOB_UPLOAD_UNKNOWN', `there is no such upload in ${repo}`);
  try {
    return await work(repo, id);
  } catch (error) {
    if (!isOciError(error, 'RANGE_INVALID')) throw error;
    return errorResponse(error, sessionHeaders(repo, await call.store.uploads.status(repo, id)));
  }
}

function sessionHeaders(repo: string, { id, size }: UploadStatus): Record<string, string> {
  return {
    location: `/v2/${repo}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, size - 1)}`,
    'docker-upload-uuid': id,
  };
}

function accepted(repo: string, status: UploadStatus): Response {
  return empty(202, { ...sessionHeaders(repo, status), 'content-length': '0' });
}

function created(repo: string, digest: Digest): Response {
  return empty(201, {
    location: `/v2/${repo}/blobs/${digest}`,
    'docker-content-digest': digest,
    'content-length': '0',
  });
}
