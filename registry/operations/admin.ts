import { isAbsolute } from 'node:path';
import { OciError, parseRepository } from '../../oci/index.js';
import { errorResponse } from '../errors.js';
import type { CollectOptions, CollectReport } from '../storage/collect.js';
import type { Store } from '../storage/store.js';
import { jobResponse, runJob, type Job } from './jobs.js';
import { backupJob, gcJob, scrubJob } from './maintenance.js';
import { ADMIN_PREFIX } from './prefix.js';
import { usageOf } from './usage.js';
import { requireCollection, requireDeletes, type Permits } from './writable.js';

/** What the endpoints work on. */
export interface AdminContext extends Permits {
  readonly store: Store;
  readonly collect: (options: CollectOptions & { readonly force?: boolean }) => Promise<CollectReport>;
  /** Told of a job that failed for no foreseen reason. */
  readonly onFailure: (error: unknown) => void;
}

/** A request of somebody who may administer. */
export interface AdminRequest {
  readonly method: string;
  /** The checked path. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** It came over the control socket: from this machine, by who owns the data. */
  readonly local: boolean;
}

interface Endpoint {
  readonly method: string;
  /** Parameters it takes: `flag` is true or false. */
  readonly takes: Readonly<Record<string, 'flag' | 'text'>>;
  /** Only over the control socket. */
  readonly localOnly?: boolean;
  answer(context: AdminContext, request: AdminRequest): Response | Promise<Response>;
}

const REPOSITORIES = 'repositories/';

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  usage: {
    method: 'GET',
    takes: {},
    answer: async ({ store }, { method }) => jsonAnswer(await usageOf(store), method),
  },
  gc: {
    method: 'POST',
    takes: { untagged: 'flag', dryRun: 'flag', force: 'flag' },
    answer(context, { query }) {
      const options = flagsOf(query, ['untagged', 'dryRun', 'force']);
      requireCollection(context, options);
      return job(context, gcJob(context.store, options, context.collect));
    },
  },
  scrub: {
    method: 'POST',
    takes: { remove: 'flag' },
    answer(context, { query }) {
      const options = flagsOf(query, ['remove']);
      if (options.remove === true) requireDeletes(context);
      return job(context, scrubJob(context.store, options));
    },
  },
  backup: {
    method: 'POST',
    takes: { folder: 'text' },
    localOnly: true,
    answer(context, { query }) {
      const folder = query.get('folder') ?? '';
      if (!isAbsolute(folder)) return badRequest('backup needs ?folder= with an absolute path');
      return job(context, backupJob(context.store, folder));
    },
  },
  [REPOSITORIES]: {
    method: 'DELETE',
    takes: {},
    async answer(context, { path }) {
      requireDeletes(context);
      const name = parseRepository(path.slice(ADMIN_PREFIX.length + REPOSITORIES.length));
      if (!(await context.store.repositories.exists(name)))
        throw new OciError('NAME_UNKNOWN', `repository ${name} is not known`, { detail: { name } });
      await context.store.repositories.delete(name);
      return new Response(null, { status: 204 });
    },
  },
};

/** Answers a request below `/_ocilot/` of somebody who may. */
export async function answerAdmin(context: AdminContext, request: AdminRequest): Promise<Response> {
  const endpoint = endpointAt(request.path);
  if (endpoint === undefined || (endpoint.localOnly === true && !request.local))
    throw new OciError('NAME_UNKNOWN', 'there is nothing at this path');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (method !== endpoint.method) {
    return errorResponse(new OciError('UNSUPPORTED', `method ${request.method} is not allowed here`), {
      allow: endpoint.method,
    });
  }
  const problem = checkQuery(request.query, endpoint.takes);
  return problem === undefined ? await endpoint.answer(context, request) : badRequest(problem);
}

/** The name of the endpoint, for log and metrics. */
export function adminOperation(path: string): string {
  const name = Object.keys(ENDPOINTS).find((key) => ENDPOINTS[key] === endpointAt(path));
  return `admin.${name?.replace('/', '') ?? 'unknown'}`;
}

function endpointAt(path: string): Endpoint | undefined {
  const rest = path.slice(ADMIN_PREFIX.length);
  const name = rest.startsWith(REPOSITORIES) ? REPOSITORIES : rest;
  return Object.hasOwn(ENDPOINTS, name) ? ENDPOINTS[name] : undefined;
}

function checkQuery(query: URLSearchParams, takes: Endpoint['takes']): string | undefined {
  for (const [name, value] of query) {
    const kind = Object.hasOwn(takes, name) ? takes[name] : undefined;
    if (kind === undefined) return `unknown parameter ${name.slice(0, 40)}`;
    if (kind === 'flag' && value !== 'true' && value !== 'false') return `${name} must be true or false`;
  }
  return undefined;
}

function flagsOf<K extends string>(query: URLSearchParams, names: readonly K[]): Partial<Record<K, boolean>> {
  return Object.fromEntries(
    names.filter((name) => query.has(name)).map((name) => [name, query.get(name) === 'true']),
  ) as Partial<Record<K, boolean>>;
}

const job = ({ onFailure }: AdminContext, work: Job): Response => jobResponse(runJob(work, { onFailure }));

/** A JSON answer; HEAD gets its headers only. */
export function jsonAnswer(body: unknown, method: string, status = 200): Response {
  const text = `${JSON.stringify(body)}\n`;
  return new Response(method === 'HEAD' ? null : text, {
    status,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      'cache-control': 'no-store',
    },
  });
}

function badRequest(message: string): Response {
  return jsonAnswer({ errors: [{ code: 'UNSUPPORTED', message }] }, 'POST', 400);
}
