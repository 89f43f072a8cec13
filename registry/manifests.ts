import {
  OciError,
  isDigest,
  isOciError,
  isTag,
  parseDigest,
  parseManifest,
  parseTag,
  platformMatches,
  type Digest,
} from '../oci/index.js';
import { bodyOf, contentLength, empty, header, repositoryOf, type Call } from './call.js';
import { conditionOf, isUnchanged } from './conditional.js';
import { wholeAnswer } from './lend.js';
import { errorResponse } from './errors.js';
import { parseAccept, wantsImageOnly } from './negotiate.js';
import type { StoredManifest } from './storage/manifest-record.js';
import { warningOf } from './warnings.js';

interface Target {
  readonly repo: string;
  readonly reference: string;
}

/** Tags that one push may name (`?tag=`); more are answered with 414. */
const TAG_LIMIT = 100;

/** GET and HEAD of a manifest by tag or digest (distribution-spec, "Pulling manifests", end-3). */
export async function getManifest(call: Call, target: Target): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  call.note.reference = target.reference.slice(0, 200);
  let digest = await resolve(call, repo, target.reference);
  let manifest = await call.store.manifests.get(repo, digest);
  if (manifest === undefined) throw await unknownManifest(call, repo, target.reference);
  const byTag = !target.reference.includes(':');
  if (byTag && wantsImageOnly(parseAccept(header(call, 'accept')), manifest.mediaType)) {
    const child = await defaultImage(call, repo, manifest);
    if (child !== undefined) ({ digest, manifest } = child);
  }
  const headers = {
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    ...(byTag ? { vary: 'Accept' } : {}),
  };
  if (isUnchanged(call, digest)) return empty(304, headers);
  const init = {
    status: 200,
    headers: {
      ...headers,
      'content-type': manifest.mediaType,
      'content-length': String(manifest.bytes.byteLength),
    },
  };
  return call.method === 'HEAD' ? new Response(null, init) : wholeAnswer(manifest.bytes, init);
}

/** The linux/amd64 image of an index, for clients older than indexes. */
async function defaultImage(
  call: Call,
  repo: string,
  index: StoredManifest,
): Promise<{ digest: Digest; manifest: StoredManifest } | undefined> {
  const parsed = parseManifest(index.bytes, index.mediaType);
  if (parsed.kind !== 'index') return undefined;
  const child = parsed.manifests.find(
    ({ platform }) =>
      platform !== undefined && platformMatches(platform, { os: 'linux', architecture: 'amd64' }),
  );
  const manifest = child === undefined ? undefined : await call.store.manifests.get(repo, child.digest);
  return child === undefined || manifest === undefined ? undefined : { digest: child.digest, manifest };
}

/** PUT of a manifest by tag (end-7a) or by digest with any number of tags (end-7b). */
export async function putManifest(call: Call, target: Target): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  call.note.reference = target.reference.slice(0, 200);
  const byDigest = target.reference.includes(':');
  const digest = byDigest ? parseDigest(target.reference) : undefined;
  const named = byDigest ? call.query.getAll('tag') : [target.reference];
  const tags = [...new Set(named.map(parseTag))];
  if (tags.length > TAG_LIMIT) {
    const error = new OciError('TAG_INVALID', `one push takes ${TAG_LIMIT} tags, not ${tags.length}`);
    return errorResponse(error, {}, 414);
  }
  const length = declaredLength(call);
  // However many clients stall halfway, what they sent stays within the room.
  const leave = await call.manifestRoom.take(length ?? call.store.core.rules.manifestLimit);
  try {
    const bytes = await readManifest(call, length);
    const contentType = header(call, 'content-type');
    const put = await call.store.manifests.put(repo, {
      bytes,
      tags,
      ...(contentType === undefined ? {} : { contentType }),
      ...(digest === undefined ? {} : { digest }),
      condition: conditionOf(call),
    });
    const warning = warningOf(bytes, put.mediaType);
    return empty(201, {
      location: `/v2/${repo}/manifests/${byDigest ? put.digest : target.reference}`,
      'docker-content-digest': put.digest,
      'content-length': '0',
      etag: `"${put.digest}"`,
      ...(put.subject === undefined ? {} : { 'oci-subject': put.subject }),
      ...(byDigest && tags.length > 0 ? { 'oci-tag': tags.join(', ') } : {}),
      ...(warning === undefined ? {} : { warning }),
    });
  } finally {
    leave();
  }
}

/**
 * The declared length of a manifest.
 * @throws OciError `SIZE_INVALID`, `SIZE_LIMIT`
 */
function declaredLength(call: Call): number | undefined {
  const { manifestLimit } = call.store.core.rules;
  const length = contentLength(call);
  if (length !== undefined && length > manifestLimit) {
    throw new OciError('SIZE_LIMIT', `manifest of ${length} bytes is larger than ${manifestLimit} bytes`, {
      detail: { limit: manifestLimit },
    });
  }
  return length;
}

/** Room for a manifest that does not say how long it is, to begin with. */
const FIRST_ROOM = 64 * 1024;

/**
 * Takes the body in, and no more than a manifest may have. It is copied together as it comes: a client that sends it in
 * a million pieces must not make us keep a million objects.
 */
async function readManifest(call: Call, length: number | undefined): Promise<Uint8Array> {
  const { manifestLimit } = call.store.core.rules;
  let bytes = Buffer.allocUnsafeSlow(length ?? Math.min(FIRST_ROOM, manifestLimit));
  let size = 0;
  for await (const chunk of bodyOf(call, length)) {
    const grown = size + chunk.byteLength;
    if (grown > manifestLimit)
      throw new OciError('SIZE_LIMIT', `manifest is larger than ${manifestLimit} bytes`, {
        detail: { limit: manifestLimit },
      });
    if (grown > bytes.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.min(manifestLimit, Math.max(grown, bytes.byteLength * 2)));
      bytes.copy(larger, 0, 0, size);
      bytes = larger;
    }
    bytes.set(chunk, size);
    size = grown;
  }
  return bytes.subarray(0, size);
}

/** DELETE of a tag or a manifest (distribution-spec, "Deleting tags" and "Deleting Manifests", end-9). */
export async function deleteManifest(call: Call, target: Target): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  call.note.reference = target.reference.slice(0, 200);
  const condition = conditionOf(call);
  try {
    if (target.reference.includes(':'))
      await call.store.manifests.delete(repo, parseDigest(target.reference), condition);
    else await call.store.tags.delete(repo, parseTag(target.reference), condition);
  } catch (error) {
    if (isOciError(error, 'MANIFEST_UNKNOWN')) throw await unknownManifest(call, repo, target.reference);
    throw error;
  }
  return empty(202, { 'content-length': '0' });
}

/** @throws OciError `DIGEST_INVALID`, `MANIFEST_UNKNOWN`, `NAME_UNKNOWN` */
async function resolve(call: Call, repo: string, reference: string): Promise<Digest> {
  if (reference.includes(':')) return parseDigest(reference);
  const tag = isTag(reference) ? await call.store.tags.get(repo, reference) : undefined;
  if (tag === undefined) throw await unknownManifest(call, repo, reference);
  return tag.digest;
}

/** Tells an unknown manifest from an unknown repository. */
async function unknownManifest(call: Call, repo: string, reference: string): Promise<OciError> {
  if (!(await call.store.repositories.exists(repo))) {
    return new OciError('NAME_UNKNOWN', `repository ${repo} is not known`, { detail: { name: repo } });
  }
  const shown = reference.slice(0, 200);
  return new OciError('MANIFEST_UNKNOWN', `manifest ${shown} is not in ${repo}`, {
    detail: isDigest(reference) ? { digest: shown } : { tag: shown },
  });
}
