import { randomBytes } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { OciError, isOciError } from '../oci/index.js';
import { Challenge, authorize, type Caller } from './access/authorize.js';
import { TOKEN_PATH } from './access/token-endpoint.js';
import { Budget } from './budget.js';
import { bodyOf, type NodeBindings, type RequestNote } from './call.js';
import { dispatch } from './dispatch.js';
import { errorResponse, statusOf } from './errors.js';
import { refuseForeignWrite } from './operations/foreign.js';
import { Operations } from './operations/operations.js';
import type { RequestEntry, ResolvedOptions } from './options.js';
import { clientOf, originOf } from './origin.js';
import { getPage } from './page.js';
import { RateLimit } from './rate-limit.js';
import { splitTarget } from './routes.js';
import type { RefusedRequest } from './socket.js';
import type { Store } from './storage/store.js';
import { toWebStream } from './web-stream.js';

/** What Hono carries along with a request. */
interface Env {
  Bindings: NodeBindings;
  Variables: { id: string; note: RequestNote; client: string | undefined; user?: string };
}

/** What answers beside the store. */
interface Parts {
  readonly operations: Operations;
  readonly isClosed: () => boolean;
}

/** Bytes of manifests that are taken in at a time; who comes beyond that waits. */
const MANIFEST_ROOM = 64 * 1024 * 1024;

/** What answers requests. */
export interface App {
  fetch(request: Request, env?: NodeBindings): Response | Promise<Response>;
  /** Logs and counts a request that was answered elsewhere. */
  refused(facts: RefusedRequest): void;
}

/** Everything that answers requests, over a store that is open. */
export function buildApp(store: Store, options: ResolvedOptions, { operations, isClosed }: Parts): App {
  const app = new Hono<Env>({ strict: true });
  const nextId = requestIds();
  const note = (entry: RequestEntry): void => {
    operations.observe(entry);
    try {
      options.onRequest?.(entry);
    } catch (error) {
      // The request has been answered, whatever becomes of the log.
      options.onError(error, { id: entry.id, method: entry.method, path: entry.path });
    }
  };
  const room = new Budget(MANIFEST_ROOM);
  app.use(async (c, next) => {
    const started = performance.now();
    const id = nextId();
    c.set('id', id);
    c.set('note', { operation: 'other', received: 0 });
    // A connection that has ended can no longer tell.
    c.set('client', clientOf(c.req.raw, c.env, options));
    await next();
    c.res.headers.set('x-request-id', id);
    note(entryOf(c, performance.now() - started));
  });
  if (options.rateLimit !== undefined) limitRequests(app, options, options.rateLimit);
  app.use('/v2/*', async (c, next) => {
    // Nobody need be told: it is what was asked for.
    if (isClosed()) return errorResponse(new OciError('UNAVAILABLE', 'the registry is closed'));
    refuseForeignWrite(c.req.raw, options);
    return await next();
  });
  for (const path of ['/v2/*', '/v2']) app.all(path, (c) => answer(c, store, options, room));
  app.all(TOKEN_PATH, (c) => answerToken(c, options));
  for (const path of Operations.paths) {
    app.all(path, (c) =>
      operations.answer({
        request: c.req.raw,
        note: c.get('note'),
        requireAdmin: () => authorize(options.access, { kind: 'admin' }, callerOf(c, options)),
        local: false,
      }),
    );
  }
  app.get('/', (c, next) => (asksForHtml(c.req.raw) ? showPage(c, store, options) : next()));
  app.notFound(() => errorResponse(new OciError('NAME_UNKNOWN', 'there is nothing at this path')));
  app.onError((error, c) => {
    if (statusOf(error) >= 500) tell(c, options, error);
    return errorResponse(error, headersOf(error));
  });
  return {
    fetch: (request, env) => app.fetch(request, env),
    refused: ({ method = '', path = '', ...facts }) =>
      note({ id: nextId(), method, path, operation: 'refused', received: 0, ...facts }),
  };
}

/** How a client can go on after an error. */
function headersOf(error: unknown): Record<string, string> {
  if (error instanceof Challenge) return { 'www-authenticate': error.header };
  return isOciError(error, 'TOOMANYREQUESTS') ? { 'retry-after': '1' } : {};
}

/** Asked often by those who look after the registry, and answered without a password. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz']);

/** Refuses what a client sends too much of. Probes are not counted. */
function limitRequests(
  app: Hono<Env>,
  options: ResolvedOptions,
  rate: NonNullable<ResolvedOptions['rateLimit']>,
): void {
  const limit = new RateLimit(rate, options.now);
  app.use(async (c, next) => {
    const wait = PROBES.has(c.req.path) ? 0 : limit.take(c.get('client') ?? '');
    if (wait === 0) return await next();
    c.get('note').operation = 'limited';
    const error = new OciError('TOOMANYREQUESTS', `too many requests: try again in ${wait} s`);
    return errorResponse(error, { 'retry-after': String(wait) });
  });
}

/** Ids of requests: the start of the process at random, then a count. */
function requestIds(): () => string {
  const prefix = randomBytes(5).toString('hex');
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}

async function answer(
  c: Context<Env>,
  store: Store,
  options: ResolvedOptions,
  manifestRoom: Budget,
): Promise<Response> {
  const request = c.req.raw;
  return await dispatch({
    request,
    node: c.env,
    store,
    options,
    access: options.access,
    manifestRoom,
    caller: callerOf(c, options),
    note: c.get('note'),
    tell: (error) => tell(c, options, error),
  });
}

const asksForHtml = (request: Request): boolean =>
  request.headers.get('accept')?.includes('text/html') === true;

async function showPage(c: Context<Env>, store: Store, options: ResolvedOptions): Promise<Response> {
  c.get('note').operation = 'page';
  const query = new URLSearchParams(splitTarget(c.req.raw.url).query);
  return await getPage({ store, access: options.access, caller: callerOf(c, options), query });
}

/** Passes on a failure that is not the client's. */
function tell(c: Context<Env>, { onError }: ResolvedOptions, error: unknown): void {
  onError(error, { id: c.get('id'), method: c.req.method, path: splitTarget(c.req.raw.url).path });
}

/** Who sent a request. Once that is known it is in the log. */
function callerOf(c: Context<Env>, options: ResolvedOptions): Caller {
  const request = c.req.raw;
  return {
    identify: async () => {
      const principal = await options.access.authenticate(request);
      if (principal.name !== undefined) c.set('user', principal.name);
      return principal;
    },
    authorization: request.headers.get('authorization'),
    origin: originOf(request, c.env, options),
  };
}

async function answerToken(c: Context<Env>, { access }: ResolvedOptions): Promise<Response> {
  if (access.token === undefined) return await c.notFound();
  c.get('note').operation = 'token';
  const { response, user } = await access.token(withBody(c));
  if (user !== undefined) c.set('user', user);
  return response;
}

/** The request with a body that can be left halfway; that of the adapter would end the connection with it. */
function withBody(c: Context<Env>): Request {
  const request = c.req.raw;
  if (request.method !== 'POST') return request;
  const body = bodyOf({ request, node: c.env, note: c.get('note') });
  return new Request(request.url, {
    method: request.method,
    headers: request.headers,
    // What fails here is the sender's.
    body: toWebStream(body, () => undefined),
    duplex: 'half',
  });
}

function entryOf(
  c: Context<Env>,
  duration: number,
): Parameters<NonNullable<ResolvedOptions['onRequest']>>[0] {
  const note = c.get('note');
  const sent = c.res.headers.get('content-length');
  const client = c.get('client');
  const user = c.get('user');
  return {
    id: c.get('id'),
    method: c.req.method,
    path: splitTarget(c.req.raw.url).path,
    operation: note.operation,
    ...(note.repository === undefined ? {} : { repository: note.repository }),
    ...(note.reference === undefined ? {} : { reference: note.reference }),
    ...(user === undefined ? {} : { user }),
    ...(client === undefined ? {} : { client }),
    status: c.res.status,
    received: note.received,
    ...(sent === null ? {} : { sent: Number(sent) }),
    duration,
  };
}
