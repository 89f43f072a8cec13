import { OciError } from '../oci/index.js';
import type { Action } from './access/access.js';
import { deleteBlob, getBlob } from './blobs.js';
import { json, type Call } from './call.js';
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
  extensions: { GET: { operation: 'extensions', handle: async (call) => json(call, { extensions: [] }) } },
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
export type Incoming = Omit<Call, 'method' | 'path' | 'query'> & { readonly origin: string };

/** Answers a request below `/v2/`. Errors of any floor become answers here. */
export async function dispatch(incoming: Incoming): Promise<Response> {
  try {
    const response = await route(incoming);
    response.headers.set('docker-distribution-api-version', 'registry/2.0');
    return response;
  } catch (error) {
    if (error instanceof Challenge) return errorResponse(error.reason, { 'www-authenticate': error.header });
    if (error instanceof MethodNotAllowed) return errorResponse(error.reason, { allow: error.allow });
    throw error;
  }
}

async function route(incoming: Incoming): Promise<Response> {
  const target = splitTarget(incoming.request.url);
  const path = checkPath(target.path);
  const matched = matchRoute(path);
  if (matched === undefined) throw new OciError('NAME_UNKNOWN', 'there is nothing at this path');
  const { method } = incoming.request;
  const endpoints = ENDPOINTS[matched.kind] as Readonly<Record<string, Endpoint<Kind>>>;
  const name = method === 'HEAD' ? 'GET' : method;
  const endpoint = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined;
  if (endpoint === undefined) throw new MethodNotAllowed(method, Object.keys(endpoints));
  const call: Call = { ...incoming, method, path, query: new URLSearchParams(target.query) };
  call.note.operation = endpoint.operation;
  authorize(call, endpoint.action, 'repo' in matched ? matched.repo : undefined, incoming.origin);
  if (WRITES.has(method)) requireWritable(call);
  const response = await endpoint.handle(call, matched);
  const namespace = call.query.get('ns');
  // Which upstream a mirror answered for (distribution-spec, "Registry proxying"): printable names only.
  if (namespace !== null && /^[\w.:-]{1,255}$/.test(namespace))
    response.headers.set('oci-namespace', namespace);
  return response;
}

/** Asks for credentials, or refuses; the same for a repository that is there and one that is not. */
function authorize(
  call: Call,
  action: Action | undefined,
  repository: string | undefined,
  origin: string,
): void {
  const { access, principal } = call;
  if (access.open) return;
  if (action === undefined || repository === undefined) {
    if (!access.pingNeedsCredentials(principal)) return;
    throw new Challenge('authentication is required', access.challenge(origin, { actions: [] }));
  }
  if (access.allows(principal, action, repository)) return;
  const actions: Action[] = action === 'push' ? ['pull', 'push'] : [action];
  const wanted = { repository, actions };
  if (principal.name === undefined && principal.grants === undefined) {
    throw new Challenge('authentication is required', access.challenge(origin, wanted));
  }
  if (
    principal.grants !== undefined &&
    access.allows(principal.name === undefined ? {} : { name: principal.name }, action, repository)
  ) {
    throw new Challenge(
      'the token does not cover this',
      access.challenge(origin, wanted, 'insufficient_scope'),
    );
  }
  if (principal.name === undefined)
    throw new Challenge('authentication is required', access.challenge(origin, wanted, 'insufficient_scope'));
  throw new OciError('DENIED', `you may not ${action} in ${repository}`);
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

class Challenge extends Error {
  readonly reason: OciError;
  readonly header: string;

  constructor(message: string, header: string) {
    super(message);
    this.reason = new OciError('UNAUTHORIZED', message);
    this.header = header;
  }
}

class MethodNotAllowed extends Error {
  readonly reason: OciError;
  readonly allow: string;

  constructor(method: string, allowed: readonly string[]) {
    const names = allowed.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
    super(`method ${method} is not allowed here`);
    this.reason = new OciError('UNSUPPORTED', this.message);
    this.allow = names.join(', ');
  }
}
