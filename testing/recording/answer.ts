import { MEDIA_TYPES, OciError, isDigest, isOciError, isTag, type ErrorCode } from '../../oci/index.js';
import type { RequestEntry } from '../../registry/options.js';
import { errorResponse } from '../../registry/errors.js';
import { nextLink, pageSize, parsePage } from '../../registry/pagination.js';
import type { Store } from '../../registry/storage/store.js';
import type { Ask } from '../profiles.js';
import type { Told } from '../world.js';
import type { RequestFacts } from '../requests/operations.js';
import type { Recording } from './recording.js';

const WRITES = /^(?:upload\.|manifest\.(?:put|delete)|blob\.delete)/;

/** What a recording may answer better than the registry before it. */
const IMPROVED: ReadonlySet<string> = new Set([
  'blob.get',
  'catalog',
  'manifest.get',
  'referrers.list',
  'tags.list',
]);

type OnRequest = (entry: RequestEntry) => void;

/** Whom the registry turned away, and what it could not read, it has answered itself. */
const isImproved = ({
  operation,
  status,
}: {
  readonly operation: string;
  readonly status: number;
}): boolean => IMPROVED.has(operation) && (status === 200 || status === 404);

/** Who hears of requests from the registry itself: of those that are answered here, this file tells. */
export function withoutImproved(onRequest: OnRequest): OnRequest {
  return (entry) => {
    if (!isImproved(entry)) onRequest(entry);
  };
}

/**
 * A registry before a recording: what it does not have yet, it takes from there and is asked once more. It decides who may
 * ask, and answers; tags and referrers are listed as they were, though nobody may have pulled them.
 * @param onRequest hears of each request once, with the answer that its client gets
 */
export function fromRecording(
  ask: Ask,
  recording: Recording,
  store: () => Store,
  onRequest: OnRequest = () => undefined,
): Ask {
  return async (incoming, facts) => {
    if (WRITES.test(facts.operation)) {
      const message = `this registry serves a recording of ${recording.upstream} and takes no content`;
      return { answer: refusal(new OciError('DENIED', message), facts) };
    }
    const told = await ask(incoming, facts);
    const { status } = told.answer;
    if (!isImproved({ operation: facts.operation, status })) return told;
    const better = await improve(recording, store(), facts, status).catch((error: unknown) =>
      failure(error, recording, facts),
    );
    if (better !== undefined) await told.answer.body?.cancel();
    const last =
      better === undefined ? told : better === 'again' ? await ask(incoming, facts) : answered(told, better);
    if (last.entry !== undefined) onRequest(last.entry);
    return last;
  };
}

/** An answer of our own in place of the registry's. */
function answered({ entry }: Told, answer: Response): Told {
  if (entry === undefined) return { answer };
  const sent = Number(answer.headers.get('content-length'));
  return { answer, entry: { ...entry, status: answer.status, sent } };
}

/** What to answer instead; `again` when the registry knows more by now, undefined when it has said all. */
async function improve(
  recording: Recording,
  store: Store,
  facts: RequestFacts,
  status: number,
): Promise<Response | 'again' | undefined> {
  const { operation } = facts;
  if (operation === 'manifest.get' || operation === 'blob.get')
    return status === 404 ? await bring(recording, store, facts) : undefined;
  if (operation === 'tags.list') return await tagList(recording, facts);
  if (operation === 'referrers.list') return await referrerList(recording, facts);
  if (operation === 'catalog')
    return refusal(new OciError('UNSUPPORTED', 'a recording has no list of repositories'), facts);
  return undefined;
}

/** Puts into the store what it does not have; undefined for a name that nothing can have. */
async function bring(
  recording: Recording,
  store: Store,
  facts: RequestFacts,
): Promise<Response | 'again' | undefined> {
  const { operation, repository, reference } = facts;
  if (repository === undefined || reference === undefined) return undefined;
  let found: boolean;
  if (operation === 'blob.get') {
    if (!isDigest(reference)) return undefined;
    found = await recording.bringBlob(store, repository, reference);
  } else {
    if (!isDigest(reference) && !isTag(reference)) return undefined;
    found = await recording.bringManifest(store, repository, reference);
  }
  if (found) return 'again';
  const kind = operation === 'blob.get' ? 'blob' : 'manifest';
  const name = `${kind} ${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
  return notRecorded(kind === 'blob' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN', name, recording, facts);
}

/** As the registry lists tags (distribution-spec, "Listing Tags"). */
async function tagList(recording: Recording, facts: RequestFacts): Promise<Response | undefined> {
  const { repository, query } = facts;
  if (repository === undefined) return undefined;
  const page = parsePage(new URLSearchParams(query));
  const all = await recording.tags(repository);
  if (all === undefined)
    return notRecorded('NAME_UNKNOWN', `the list of tags of ${repository}`, recording, facts);
  const { last: after } = page;
  const rest = after === undefined ? all : all.filter((tag) => tag > after);
  const tags = rest.slice(0, pageSize(page));
  const last = tags.at(-1);
  const more = last !== undefined && tags.length < rest.length;
  return listing(
    facts,
    'application/json',
    { name: repository, tags },
    more ? { link: nextLink(`/v2/${repository}/tags/list`, page, last) } : {},
  );
}

/** All referrers on one page (distribution-spec, "Listing Referrers"). */
async function referrerList(recording: Recording, facts: RequestFacts): Promise<Response | undefined> {
  const { repository, digest, query } = facts;
  if (repository === undefined || digest === undefined || !isDigest(digest)) return undefined;
  const all = await recording.referrers(repository, digest);
  if (all === undefined) {
    const name = `the list of referrers of ${repository}@${digest}`;
    return notRecorded('MANIFEST_UNKNOWN', name, recording, facts);
  }
  const artifactType = new URLSearchParams(query).get('artifactType');
  const manifests = artifactType === null ? all : all.filter((entry) => entry.artifactType === artifactType);
  const body = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  const filtered: Record<string, string> = { 'oci-filters-applied': 'artifactType' };
  return listing(facts, MEDIA_TYPES.ociIndex, body, artifactType === null ? {} : filtered);
}

function listing(
  { method }: RequestFacts,
  type: string,
  body: object,
  headers: Readonly<Record<string, string>>,
): Response {
  const text = JSON.stringify(body);
  return new Response(method === 'HEAD' ? null : text, {
    headers: { 'content-type': type, 'content-length': String(Buffer.byteLength(text)), ...headers },
  });
}

function notRecorded(
  code: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN' | 'NAME_UNKNOWN',
  what: string,
  { folder, upstream }: Recording,
  facts: RequestFacts,
): Response {
  const message = `${what} is not in the recording ${folder}: ask for it once while ${upstream} is recorded there`;
  return refusal(new OciError(code, message), facts);
}

/** What a client is told in the words of the spec. */
const PASSED_ON: ReadonlySet<ErrorCode> = new Set([
  'BLOB_UNKNOWN',
  'MANIFEST_UNKNOWN',
  'NAME_UNKNOWN',
  'PAGINATION_NUMBER_INVALID',
  'TOOMANYREQUESTS',
]);

/** What clients are told when the upstream does not give what it was asked for. */
function failure(error: unknown, { upstream }: Recording, facts: RequestFacts): Response {
  const message = `recording ${upstream}: ${error instanceof Error ? error.message : String(error)}`;
  const code = isOciError(error) ? error.code : 'UNKNOWN';
  if (PASSED_ON.has(code)) return refusal(new OciError(code, message), facts);
  // A challenge would send the client for a token that is not ours.
  if (code === 'UNAUTHORIZED' || code === 'DENIED') return refusal(new OciError('DENIED', message), facts);
  return refusal(new OciError('UNAVAILABLE', message), facts, 502);
}

function refusal(error: OciError, { method }: RequestFacts, status?: number): Response {
  const answer = errorResponse(error, {}, status);
  if (method !== 'HEAD') return answer;
  return new Response(null, { status: answer.status, headers: answer.headers });
}
