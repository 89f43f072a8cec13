import { OciError, isOciError, isRepository, parseRepository } from '../oci/index.js';
import type { Action, Principal, Wanted } from './access/access.js';
import { authorize, type Caller } from './access/authorize.js';
import { deleteBlob, getBlob } from './blobs.js';
import { json, repositoryOf, type Call } from './call.js';
import { getCatalog } from './catalog.js';
import { errorResponse } from './errors.js';
import { deleteManifest, getManifest, putManifest } from './manifests.js';
import { listReferrers } from './referrers.js';
import { checkPath, matchRoute, splitTarget, type Route } from './routes.js';
import { listTags } from './tags.js';
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from './uploads.js';

type Kind = Route['kind'];
type RouteOf<K extends Kind> = Extract<Route, { kind: K }>;

interface Endpoint<K extends Kind> {
  /** What the caller must be allowed to do; none for the ping and the catalog, which look for themselves. */
  readonly action?: Action;
  readonly operation: string;
  readonly handle: (call: Call, route: RouteOf<K>) => Promise<Response>;
}

/** Every endpoint of the API by what its path names and by method. HEAD goes with GET. */
const ENDPOINTS: { readonly [K in Kind]: Readonly<Record<string, Endpoint<K>>> } = {
  base: { GET: { operation: 'ping', handle: ping } },
  catalog: { GET: { operation: 'catalog', handle: getCatalog } },
  extensions: { GET: { operation: 'extensions', handle: getExtensions } },
  blob: {
    GET: { action: 'pull', operation: 'blob.get', handle: getBlob },
    DELETE: { action: 'delete', operation: 'blob.delete', handle: deleteBlob },
  },
  uploads: { POST: { action: 'push', operation: 'upload.start', handle: postUpload } },
  upload: {
    GET: { action: 'push', operation: 'upload.status', handle: getUpload },
    PATCH: { action: 'push', operation: 'upload.append', handle: patchUpload },
    PUT: { action: 'push', operation: 'upload.finish', handle: putUpload },
    DELETE: { action: 'push', operation: 'upload.cancel', handle: deleteUpload },
  },
  manifest: {
    GET: { action: 'pull', operation: 'manifest.get', handle: getManifest },
    PUT: { action: 'push', operation: 'manifest.put', handle: putManifest },
    DELETE: { action: 'delete', operation: 'manifest.delete', handle: deleteManifest },
  },
  tags: { GET: { action: 'pull', operation: 'tags.list', handle: listTags } },
  referrers: { GET: { action: 'pull', operation: 'referrers.list', handle: listReferrers } },
};

const WRITES = new Set(['PUT', 'POST', 'PATCH', 'DELETE']);

/** What `dispatch` needs to make a `Call`. */
export type Incoming = Omit<Call, 'method' | 'query' | 'principal'> & {
  readonly caller: Caller;
};

/** Answers a request below `/v2/`. */
export async function dispatch(incoming: Incoming): Promise<Response> {
  const target = splitTarget(incoming.request.url);
  const matched = matchRoute(checkPath(target.path));
  if (matched === undefined) throw new OciError('NAME_UNKNOWN', 'there is nothing at this path');
  const endpoints = ENDPOINTS[matched.kind] as Readonly<Record<string, Endpoint<Kind>>>;
  const { method } = incoming.request;
  const name = method === 'HEAD' ? 'GET' : method;
  try {
    if (!Object.hasOwn(endpoints, name))
      throw new OciError('UNSUPPORTED', `method ${method} is not allowed here`);
    const response = await run(incoming, endpoints[name] as Endpoint<Kind>, matched, target.query);
    response.headers.set('docker-distribution-api-version', 'registry/2.0');
    return response;
  } catch (error) {
    if (!isOciError(error, 'UNSUPPORTED')) throw error;
    const others = Object.keys(endpoints).filter((other) => other !== name);
    return errorResponse(error, { allow: others.join(', ').replace('GET', 'GET, HEAD') });
  }
}

async function run(
  incoming: Incoming,
  endpoint: Endpoint<Kind>,
  matched: Route,
  search: string,
): Promise<Response> {
  const { method } = incoming.request;
  const query = new URLSearchParams(search);
  incoming.note.operation = endpoint.operation;
  const wanted = wantedBy(matched, endpoint.action, query);
  const principal = await authorize(incoming.access, wanted, incoming.caller);
  const call: Call = { ...incoming, method, query, principal: holderOf(matched, principal) };
  if (WRITES.has(method)) requireWritable(call);
  const response = await endpoint.handle(call, matched);
  const namespace = query.get('ns');
  // Which upstream a mirror answered for (distribution-spec, "Registry proxying"): printable names only.
  if (namespace !== null && /^[\w.:-]{1,255}$/.test(namespace))
    response.headers.set('oci-namespace', namespace);
  return response;
}

/** @throws OciError `NAME_INVALID` for a name that no repository has, which nobody need log in to be told */
function wantedBy(matched: Route, action: Action | undefined, query: URLSearchParams): Wanted {
  if (matched.kind === 'catalog') return { kind: 'catalog' };
  if (action === undefined || !('repo' in matched) || matched.repo === undefined) return { kind: 'identity' };
  const from = matched.kind === 'uploads' && query.has('mount') ? query.get('from') : null;
  return {
    kind: 'repository',
    repository: parseRepository(matched.repo),
    action,
    ...(from !== null && isRepository(from) ? { from } : {}),
  };
}

/** A token for the catalog names no repository: its user finds there what he may pull. */
function holderOf({ kind }: Route, { name, grants }: Principal): Principal {
  const whole = kind === 'catalog' || grants === undefined;
  return { ...(name === undefined ? {} : { name }), ...(whole ? {} : { grants }) };
}

function requireWritable(call: Call): void {
  if (call.options.readOnly) throw new OciError('DENIED', 'the registry is read-only');
  if (call.method === 'DELETE' && !call.options.deletes && call.note.operation !== 'upload.cancel') {
    throw new OciError('UNSUPPORTED', 'deleting is switched off in this registry');
  }
}

/** The ping tells that this is a registry, and how to log in (distribution-spec, "Determining Support", end-1). */
async function ping(call: Call): Promise<Response> {
  return json(call, {});
}

/** There are no extensions to discover (distribution-spec, extensions/_oci.md). */
async function getExtensions(call: Call, { repo }: RouteOf<'extensions'>): Promise<Response> {
  if (repo !== undefined) repositoryOf(call, repo);
  return json(call, { extensions: [] });
}
