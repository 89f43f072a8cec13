import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRegistry,
  listen,
  type RegistryOptions,
  type RequestEntry,
  type Store,
} from '../../../registry/index.js';
import type { KnownRegistry } from './home.js';
import type { Teardown } from './teardown.js';

/** How clients prove who they are. `anonymous` is Bearer where everybody may pull. */
export type Auth = 'none' | 'basic' | 'bearer' | 'anonymous';

/** One way into a registry. */
export interface Door {
  readonly auth: Auth;
  readonly scheme: 'http' | 'tls';
}

/** Every way in. */
export const DOORS: readonly Door[] = (['none', 'basic', 'bearer', 'anonymous'] as const).flatMap((auth) => [
  { auth, scheme: 'http' },
  { auth, scheme: 'tls' },
]);

/** For the name of a suite. */
export const nameOf = ({ auth, scheme }: Door): string => `${auth} over ${scheme}`;

/** Each kind of authentication and each scheme, once or more. */
export const SOME_DOORS: readonly Door[] = [
  { auth: 'none', scheme: 'http' },
  { auth: 'basic', scheme: 'tls' },
  { auth: 'bearer', scheme: 'http' },
  { auth: 'anonymous', scheme: 'tls' },
];

/** Somebody the registry knows. */
export interface User {
  readonly name: string;
  readonly password: string;
}

/** May pull, push and delete. The password has what naive parsers trip over. */
export const BUILDER: User = { name: 'builder', password: 'pass:word/+ ü=' };
/** May pull only. */
export const READER: User = { name: 'reader', password: 'look, do not touch' };

/** A registry on a socket, with what it was asked. */
export interface OpenRegistry extends KnownRegistry {
  readonly url: string;
  readonly store: Store;
  /** Every request answered so far, oldest first. */
  readonly requests: readonly RequestEntry[];
  /** Failures that were not a client's. */
  readonly failures: readonly unknown[];
  close(): Promise<void>;
}

const rulesOf = (auth: Auth): NonNullable<RegistryOptions['access']> | undefined => {
  if (auth === 'none') return undefined;
  return {
    mode: auth === 'basic' ? 'basic' : 'bearer',
    users: { [BUILDER.name]: BUILDER.password, [READER.name]: READER.password },
    rules: [
      {
        repositories: '**',
        pull: [auth === 'anonymous' ? '*' : READER.name],
        push: [BUILDER.name],
        delete: [BUILDER.name],
      },
    ],
  };
};

/** Opens a registry on a folder of its own behind a door. It is closed with the suite. */
export async function openRegistry(
  teardown: Teardown,
  door: Door,
  options: RegistryOptions = {},
): Promise<OpenRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'ocilot-e2e-'));
  teardown.add(() => rm(folder, { recursive: true, force: true }));
  const requests: RequestEntry[] = [];
  const failures: unknown[] = [];
  const access = rulesOf(door.auth);
  const registry = await createRegistry({
    storage: { kind: 'auto', folder },
    collection: { every: 0 },
    onRequest: (entry) => requests.push(entry),
    onError: (error) => failures.push(error),
    ...(access === undefined ? {} : { access }),
    ...options,
  });
  teardown.add(() => registry.close());
  const server = await listen(registry, {
    port: 0,
    grace: 1000,
    ...(door.scheme === 'tls' ? { tls: { auto: true } } : {}),
  });
  teardown.add(() => server.close());
  return {
    url: server.url,
    host: new URL(server.url).host,
    ca: server.authority?.pem,
    store: registry.store,
    requests,
    failures,
    close: async () => {
      await server.close();
      await registry.close();
    },
  };
}
