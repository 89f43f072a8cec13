import type { MemorySnapshot, Registry, Store, TlsAuthority } from '../registry/index.js';
import { listen, type Server } from '../registry/node.js';
import { isOciError } from '../oci/index.js';
import { systemClock } from './clock.js';
import { ClientHome } from './client-home.js';
import { FaultRules, type FaultControl } from './faults/rules.js';
import { Stalls } from './faults/stalls.js';
import { intercept } from './intercept.js';
import { registryOptions, type StartOptions } from './options.js';
import { withProfiles, type Ask } from './profiles.js';
import { RequestRecorder, type RequestLog } from './requests/log.js';
import { loadAll, type LoadOptions, type Loaded } from './seed-media.js';
import { seedStore, type SeedContent, type Seeded } from './seed.js';
import { Switches, type RateLimitOptions } from './switches.js';
import { World } from './world.js';

/** Where a registry without a socket seems to be. Only its own `fetch` knows. */
const NOWHERE = 'http://localhost';

/** A registry for tests. */
export interface TestRegistry {
  /** As `http://127.0.0.1:41234`. Beyond loopback (`host: '0.0.0.0'`) it still names this machine from within. */
  readonly url: string;
  /** `host:port`, as references to its content begin. */
  readonly host: string;
  readonly port: number;
  /** With a certificate made on the spot (`tls: { auto: true }`): what clients must trust. */
  readonly authority?: TlsAuthority;
  /**
   * A folder for child processes, made when it is first asked for and removed on close: `config.json` with the first of
   * the `users`, and with TLS `ca.pem` and `certs.d/<host>/ca.crt`.
   */
  readonly dockerConfigDir: string;
  /** Environment variables that lead child processes to that folder: add them to `process.env`. */
  readonly env: Readonly<Record<string, string>>;
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
  /**
   * Puts all of an OCI layout or an archive into it, past HTTP, access control and faults.
   * @throws OciError `INVALID_OPTION`, `NAME_INVALID`, `TAG_INVALID`, and what reading it throws
   */
  load(path: string, options?: LoadOptions): Promise<Loaded[]>;
  /** Refuses every write from now on, or takes it again. */
  readOnly(on: boolean): void;
  /**
   * Takes no more requests than this from now on: 429 with `Retry-After` to the rest. Undefined: no limit.
   * @throws OciError `INVALID_OPTION`
   */
  rateLimit(limit: RateLimitOptions | undefined): void;
  /**
   * All content as it stands, uploads under way included, at the price of a pointer. Another registry can start with it:
   * `startRegistry({ storage: { kind: 'memory', from: snapshot } })`.
   * @throws OciError `UNSUPPORTED` for a registry on disk
   */
  snapshot(): MemorySnapshot;
  /**
   * Goes back to a snapshot, at the price of a pointer too. Faults, switches and the log stay as they are; requests under
   * way end with what they began with.
   * @throws OciError `UNSUPPORTED` for a registry on disk
   */
  restore(snapshot: MemorySnapshot): Promise<void>;
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
  return await startBefore(options, { around: (ask) => ask, close: () => Promise.resolve() });
}

/** What stands before a registry, behind faults and the log. */
export interface Before {
  readonly around: (ask: Ask, store: () => Store) => Ask;
  /** Ends with the registry, and when it does not start. */
  readonly close: () => Promise<void>;
}

/** As `startRegistry`, with something before the registry. */
export async function startBefore(options: StartOptions, before: Before): Promise<TestRegistry> {
  try {
    return await start(options, before);
  } catch (error) {
    await before.close();
    throw error;
  }
}

async function start(options: StartOptions, before: Before): Promise<TestRegistry> {
  const clock = options.clock ?? systemClock(options.now);
  const recorder = new RequestRecorder(() => clock.now());
  const stalls = new Stalls();
  const rules = new FaultRules(stalls);
  for (const [index, rule] of (options.faults ?? []).entries()) rules.add(rule, index + 1);
  const switches = new Switches(() => clock.now());
  const closing = new AbortController();
  const resolved = registryOptions(options, clock);
  // Looked at before anything is open.
  const behind = before.around(
    async (incoming) => await world.ask(incoming),
    () => world.registry.store,
  );
  const ask = withProfiles(behind, options.profile);
  const world = await World.open(resolved);
  const answer = intercept({
    ask: async (incoming, facts) => {
      const refusal = switches.refusal(facts);
      return refusal === undefined ? await ask(incoming, facts) : { answer: refusal };
    },
    forget: async (repository, id) => {
      await world.registry.store.uploads.cancel(repository, id).catch((error: unknown) => {
        if (!isOciError(error, 'BLOB_UPLOAD_UNKNOWN')) throw error;
      });
    },
    recorder,
    rules,
    stalls,
    clock,
    closed: closing.signal,
  });
  let server: Server | undefined;
  try {
    if (options.seed !== undefined) await seedStore(world.registry.store, options.seed);
    if (options.socket !== false) {
      const refused: Registry['refused'] = (facts) => world.registry.refused(facts);
      server = await listen({ fetch: answer, refused }, { ...options, port: options.port ?? 0, grace: 0 });
    }
  } catch (error) {
    await world.close();
    throw error;
  }
  const url = server === undefined ? NOWHERE : fromWithin(server.url);
  const { host } = new URL(url);
  const home = new ClientHome({ host, users: options.users, ca: server?.authority?.pem });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      closing.abort();
      recorder.close();
      stalls.close();
      await server?.close();
      try {
        await before.close();
      } finally {
        await world.close();
        await home.remove();
      }
    })();
    return closed;
  };
  return {
    url,
    host,
    port: server?.port ?? 80,
    ...(server?.authority === undefined ? {} : { authority: server.authority }),
    get dockerConfigDir() {
      return home.folder;
    },
    get env() {
      return home.env;
    },
    requests: recorder,
    faults: rules,
    get registry(): Registry {
      return { ...world.registry, fetch: answer };
    },
    fetch: (input, init) => answer(new Request(input instanceof Request ? input : new URL(input, url), init)),
    seed: (content) => seedStore(world.registry.store, content),
    load: (path, given) => loadAll(world.registry.store, path, given),
    readOnly: (on) => switches.readOnly(on),
    rateLimit: (limit) => switches.rateLimit(limit),
    snapshot: () => world.snapshot(),
    restore: (snapshot) => world.restore(snapshot),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Every address is none that a client could ask for. */
function fromWithin(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
