import { randomBytes } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { OciError, isOciError } from '../oci/index.js';
import type { NodeBindings, RequestNote } from './call.js';
import { errorResponse } from './errors.js';
import { originOf, clientOf } from './origin.js';
import { resolveOptions, type RegistryOptions, type ResolvedOptions } from './options.js';
import { dispatch } from './dispatch.js';
import { splitTarget } from './routes.js';
import type { CollectOptions, CollectReport } from './storage/collect.js';
import { openStore } from './storage/open.js';
import type { Store } from './storage/store.js';

/** A registry inside this process. */
export interface Registry {
  /** Answers a request; give it to any server, or call it. */
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** Collects what nothing needs, now. */
  collect(options?: CollectOptions): Promise<CollectReport>;
  /** The store under it, for tools that need no HTTP. */
  readonly store: Store;
  readonly options: ResolvedOptions;
  /** Waits for what is under way in the store and closes it. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Env {
  Bindings: NodeBindings;
  Variables: { id: string; note: RequestNote; user?: string };
}

/**
 * Opens a registry: in memory, or on a folder that nobody else has open.
 *
 * ```ts
 * const registry = await createRegistry({ storage: { kind: 'auto', folder: './data' } });
 * const answer = await registry.fetch(new Request('http://localhost/v2/'));
 * ```
 * @throws OciError `INVALID_OPTION`, `STORE_LOCKED`, `STORE_VERSION`
 */
export async function createRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const resolved = resolveOptions(options);
  const store = await openStore(resolved.storage, {
    rules: resolved.rules,
    now: resolved.now,
    ...(resolved.newId === undefined ? {} : { newId: resolved.newId }),
  });
  const app = buildApp(store, resolved);
  const timer = scheduleCollection(store, resolved);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    clearInterval(timer);
    closed ??= store.close();
    return closed;
  };
  return {
    fetch: async (request, env) => await app.fetch(request, env as NodeBindings | undefined),
    collect: (given = {}) => store.collect({ untagged: resolved.collection.untagged, ...given }),
    store,
    options: resolved,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function scheduleCollection(
  store: Store,
  { collection, onError }: ResolvedOptions,
): NodeJS.Timeout | undefined {
  if (collection.every === 0) return undefined;
  const timer = setInterval(() => {
    store
      .collect({ untagged: collection.untagged })
      .catch((error: unknown) => onError(error, { id: 'collection', method: 'COLLECT', path: '' }));
  }, collection.every);
  timer.unref();
  return timer;
}

function buildApp(store: Store, options: ResolvedOptions): Hono<Env> {
  const app = new Hono<Env>({ strict: true });
  app.use(async (c, next) => {
    const started = performance.now();
    const id = randomBytes(8).toString('hex');
    c.set('id', id);
    c.set('note', { operation: 'other', received: 0 });
    await next();
    c.res.headers.set('x-request-id', id);
    options.onRequest?.(entryOf(c, options, performance.now() - started));
  });
  app.all('/v2/*', (c) => answer(c, store, options));
  app.all('/v2', (c) => answer(c, store, options));
  app.notFound(() => errorResponse(new OciError('NAME_UNKNOWN', 'there is nothing at this path')));
  app.onError((error, c) => {
    if (!isOciError(error)) {
      options.onError(error, {
        id: c.get('id'),
        method: c.req.method,
        path: splitTarget(c.req.raw.url).path,
      });
    }
    return errorResponse(error);
  });
  return app;
}

async function answer(c: Context<Env>, store: Store, options: ResolvedOptions): Promise<Response> {
  const request = c.req.raw;
  const principal = await options.access.authenticate(request);
  return await dispatch({
    request,
    node: c.env,
    store,
    options,
    access: options.access,
    principal,
    origin: originOf(request, c.env, options),
    note: c.get('note'),
  });
}

function entryOf(
  c: Context<Env>,
  options: ResolvedOptions,
  duration: number,
): Parameters<NonNullable<ResolvedOptions['onRequest']>>[0] {
  const note = c.get('note');
  const sent = c.res.headers.get('content-length');
  const client = clientOf(c.req.raw, c.env, options);
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
