import {
  OciError,
  createRegistry,
  listen,
  type Registry,
  type RegistryOptions,
  type RequestEntry,
  type Server,
  type TlsAuthority,
} from '../registry/index.js';
import { seededIds } from './content/seeded.js';
import { FaultRules, type FaultControl } from './faults/rules.js';
import { Stalls } from './faults/stalls.js';
import { intercept } from './intercept.js';
import type { StartOptions } from './options.js';
import { RequestRecorder, type RequestLog } from './requests/log.js';
import { seedStore, type SeedContent, type Seeded } from './seed.js';

/** Where a registry without a socket seems to be. Only its own `fetch` knows. */
const NOWHERE = 'http://localhost';

/** A registry for tests. */
export interface TestRegistry {
  /** As `http://127.0.0.1:41234`. */
  readonly url: string;
  /** `host:port`, as references to its content begin. */
  readonly host: string;
  readonly port: number;
  /** With a certificate made on the spot (`tls: { auto: true }`): what clients must trust. */
  readonly authority?: TlsAuthority;
  /** What it was asked so far. */
  readonly requests: RequestLog;
  /** What goes wrong from now on. */
  readonly faults: FaultControl;
  /** The registry itself; its `fetch`, too, is logged and struck by faults. */
  readonly registry: Registry;
  /** Asks it past the socket, as the global `fetch` would; paths begin at its root. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Puts content into it, past HTTP, access control and faults.
   * @returns what was made, by repository and name
   * @throws OciError `INVALID_OPTION`, `NAME_INVALID`, `TAG_INVALID`, and what the store refuses
   */
  seed<const S extends SeedContent>(content: S): Promise<Seeded<S>>;
  /** Ends every connection at once, stalled ones too, and forgets all content in memory. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a registry in this process: in memory, on a free port of 127.0.0.1, open to everybody, collecting nothing.
 *
 * @example
 * ```ts
 * await using registry = await startRegistry({
 *   seed: { 'team/app': { '1.0': { files: { '/etc/motd': 'hello' } } } },
 *   faults: [{ match: { operation: 'blob.get' }, times: 1, fault: { kind: 'truncate', after: 100 } }],
 * });
 * await pull(`${registry.host}/team/app:1.0`);
 * expect(registry.requests.count({ operation: 'blob.get', faulted: true })).toBe(1);
 * ```
 * @throws OciError `INVALID_OPTION` for an option, a seed or a fault that cannot be; what `createRegistry` throws
 */
export async function startRegistry(options: StartOptions = {}): Promise<TestRegistry> {
  const recorder = new RequestRecorder(options.now ?? Date.now);
  const stalls = new Stalls();
  const rules = new FaultRules(stalls);
  for (const rule of options.faults ?? []) rules.add(rule);
  const told = new Told(options.onRequest);
  const inner = await createRegistry(registryOptions(options, told));
  const answer = intercept({
    ask: async ({ request, env }) => told.about(await inner.fetch(request, env)),
    recorder,
    rules,
    stalls,
  });
  const registry: Registry = { ...inner, fetch: answer };
  let server: Server | undefined;
  try {
    if (options.seed !== undefined) await seedStore(inner.store, options.seed);
    if (options.socket !== false)
      server = await listen(registry, { ...options, port: options.port ?? 0, grace: 0 });
  } catch (error) {
    await inner.close();
    throw error;
  }
  const url = server?.url ?? NOWHERE;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      recorder.close();
      stalls.close();
      await server?.close();
      await inner.close();
    })();
    return closed;
  };
  return {
    url,
    host: new URL(url).host,
    port: server?.port ?? 80,
    ...(server?.authority === undefined ? {} : { authority: server.authority }),
    requests: recorder,
    faults: rules,
    registry,
    fetch: (input, init) => answer(new Request(input instanceof Request ? input : new URL(input, url), init)),
    seed: (content) => seedStore(inner.store, content),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Options that are not the registry's. What else is not one either it says itself. */
const OWN_OPTIONS: ReadonlySet<string> = new Set<keyof StartOptions>([
  'socket',
  'host',
  'port',
  'linger',
  'tls',
  'users',
  'seed',
  'faults',
  'idSeed',
]);

function registryOptions(options: StartOptions, told: Told): RegistryOptions {
  const { users } = options;
  if (users !== undefined && options.access !== undefined)
    throw new OciError('INVALID_OPTION', 'users and access are both given: access has users of its own');
  const rest = Object.entries(options).filter(([name]) => !OWN_OPTIONS.has(name));
  return {
    ...Object.fromEntries(rest),
    ...(users === undefined ? {} : { access: { mode: 'basic', users } }),
    collection: { every: 0, ...options.collection },
    onRequest: (entry) => told.tell(entry),
    ...(options.idSeed === undefined || options.newId !== undefined
      ? {}
      : { newId: seededIds(options.idSeed) }),
  };
}

/** What the registry told of requests, until their answers ask for it. */
class Told {
  readonly #entries = new Map<string, RequestEntry>();
  readonly #listener: RegistryOptions['onRequest'];

  constructor(listener: RegistryOptions['onRequest']) {
    this.#listener = listener;
  }

  tell(entry: RequestEntry): void {
    this.#entries.set(entry.id, entry);
    this.#listener?.(entry);
  }

  about(answer: Response): { answer: Response; entry: RequestEntry | undefined } {
    const id = answer.headers.get('x-request-id') ?? '';
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    return { answer, entry };
  }
}
