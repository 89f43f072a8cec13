import { OciError, type ByteRange } from '../oci/index.js';
import { digestFrom, empty, header, repositoryOf, type Call } from './call.js';
import { conditionOf, isUnchanged } from './conditional.js';
import { errorResponse } from './errors.js';
import { wholeAnswer, withLender } from './lend.js';
import { parseRange } from './range.js';
import { requireCondition } from './storage/condition.js';
import { toWebStream } from './web-stream.js';

interface Target {
  readonly repo: string;
  readonly digest: string;
}

/** GET and HEAD of a blob (distribution-spec, "Pulling blobs", end-2; RFC 9110 for ranges and conditions). */
export async function getBlob(call: Call, target: Target): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  const digest = digestFrom(call, target.digest);
  const facts = await call.store.blobs.stat(repo, digest);
  if (facts === undefined) throw await unknownBlob(call, repo, digest);
  const headers: Record<string, string> = {
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'accept-ranges': 'bytes',
    'cache-control': `${call.access.open ? 'public' : 'private'}, max-age=31536000, immutable`,
  };
  if (isUnchanged(call, digest)) return empty(304, headers);
  headers['content-type'] = 'application/octet-stream';
  let range: ByteRange | undefined;
  try {
    range =
      call.method === 'GET' && rangeApplies(call, digest)
        ? parseRange(header(call, 'range'), facts.size)
        : undefined;
  } catch (error) {
    return errorResponse(error, { 'content-range': `bytes */${facts.size}`, 'accept-ranges': 'bytes' });
  }
  const { start, end } = range ?? { start: 0, end: facts.size - 1 };
  headers['content-length'] = String(end - start + 1);
  if (range !== undefined) headers['content-range'] = `bytes ${start}-${end}/${facts.size}`;
  if (call.method === 'HEAD') return empty(200, headers);
  const content = await call.store.blobs.open(digest, facts, { start, end });
  if (content === undefined) throw await unknownBlob(call, repo, digest);
  const init = { status: range === undefined ? 200 : 206, headers };
  if (content instanceof Uint8Array) return wholeAnswer(content, init);
  return withLender(new Response(toWebStream(content, call.tell), init), content, call.tell);
}

/** `If-Range` with another validator means: everything. */
function rangeApplies(call: Call, digest: string): boolean {
  const validator = header(call, 'if-range');
  return validator === undefined || validator.trim() === `"${digest}"`;
}

/** DELETE of a blob (distribution-spec, "Deleting Blobs", end-10). */
export async function deleteBlob(call: Call, target: Target): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  const digest = digestFrom(call, target.digest);
  // A blob that is not there is unknown, whatever the condition.
  if ((await call.store.blobs.stat(repo, digest)) !== undefined)
    requireCondition(`blob ${digest}`, digest, conditionOf(call));
  await call.store.blobs.delete(repo, digest);
  return empty(202, { 'content-length': '0', 'docker-content-digest': digest });
}

/** Tells an unknown blob from an unknown repository. */
async function unknownBlob(call: Call, repo: string, digest: string): Promise<OciError> {
  if (!(await call.store.repositories.exists(repo))) {
    return new OciError('NAME_UNKNOWN', `repository ${repo} is not known`, { detail: { name: repo } });
  }
  return new OciError('BLOB_UNKNOWN', `blob ${digest} is not in ${repo}`, { detail: { digest } });
}
