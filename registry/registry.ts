import { openAccess } from './access/options.js';
import { buildApp } from './app.js';
import type { NodeBindings } from './call.js';
import { Operations } from './operations/operations.js';
import {
  resolveOptions,
  type CheckedOptions,
  type RegistryOptions,
  type ResolvedOptions,
} from './options.js';
import type { CollectOptions, CollectReport } from './storage/collect.js';
import type { RefusedRequest } from './socket.js';
import { openStore } from './storage/open.js';
import type { Store } from './storage/store.js';

/** A registry inside this process. */
export interface Registry {
  /** Answers a request; give it to any server, or call it. */
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** Notes a request that a server answered on its own, because nobody could read it. */
  refused(facts: RefusedRequest): void;
  /** Collects what nothing needs, now. */
  collect(options?: CollectOptions): Promise<CollectReport>;
  /** Answers a request to the registry's own endpoints for somebody who may do everything: the control socket. */
  administer(request: Request): Promise<Response>;
  /** From now on `/readyz` says no: for the time between a signal and the end. */
  drain(): void;
  /** The store under it, for tools that need no HTTP. */
  readonly store: Store;
  readonly options: ResolvedOptions;
  /** Waits for what is under way in the store and closes it. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
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
  const checked = resolveOptions(options);
  const store = await openStore(checked.storage, {
    rules: checked.rules,
    now: checked.now,
    ...(checked.newId === undefined ? {} : { newId: checked.newId }),
  });
  return await registryOver(store, checked);
}

/** A registry over a store that is open; it is closed with the registry, and when this fails. @internal */
export async function registryOver(store: Store, options: CheckedOptions): Promise<Registry> {
  const checked = withQuietErrors(options);
  const resolved = await withAccess(checked, store);
  const operations = await Operations.open(store, resolved);
  let closed: Promise<void> | undefined;
  const app = buildApp(store, resolved, { operations, isClosed: () => closed !== undefined });
  const timer = scheduleCollection(operations, resolved);
  const close = (): Promise<void> => {
    clearInterval(timer);
    closed ??= store.close();
    return closed;
  };
  return {
    fetch: async (request, env) => await app.fetch(request, env as NodeBindings | undefined),
    refused: (facts) => app.refused(facts),
    collect: (given) => operations.collect(given),
    administer: (request) => operations.answerLocal(request),
    drain: () => operations.drain(),
    store,
    options: resolved,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Whoever is told of failures may fail too, and no request with it. */
function withQuietErrors<T extends Pick<ResolvedOptions, 'onError'>>(options: T): T {
  const onError: ResolvedOptions['onError'] = (error, entry) => {
    try {
      options.onError(error, entry);
    } catch {
      // There is nobody left to tell.
    }
  };
  return { ...options, onError };
}

/** Makes access of its options. When that fails the store is closed again. */
async function withAccess(options: CheckedOptions, store: Store): Promise<ResolvedOptions> {
  const onError = (error: unknown): void =>
    options.onError(error, { id: 'access', method: 'RELOAD', path: '' });
  try {
    const { records } = store.core;
    return { ...options, access: await openAccess(options.access, { records, now: options.now, onError }) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function scheduleCollection(
  operations: Operations,
  { collection, readOnly, onError }: ResolvedOptions,
): NodeJS.Timeout | undefined {
  if (collection.every === 0 || readOnly) return undefined;
  const timer = setInterval(() => {
    operations
      .collect()
      .catch((error: unknown) => onError(error, { id: 'collection', method: 'COLLECT', path: '' }));
  }, collection.every);
  timer.unref();
  return timer;
}
