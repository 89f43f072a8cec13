import { describe, type Blob } from '../../oci/index.js';
import { createClient, type Client, type ClientOptions } from '../../client/client.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { staticKeychain, type Credentials, type Keychain } from '../../client/credentials/keychain.js';
import { RemoteRepository } from '../../client/remote/repository.js';
import type { TransportRequest } from '../../client/transport.js';
import type { TestRegistry } from '../../testing/index.js';

/** Alice, who may do everything. */
export const ALICE: Credentials = { kind: 'password', username: 'alice', password: 'wonderland' };
export const USERS = { alice: 'wonderland' };

/** A keychain that counts. */
export function counting(credentials: Credentials = ALICE): Keychain & { asked: number } {
  const inner = staticKeychain(credentials);
  return {
    asked: 0,
    resolve(target, options) {
      this.asked++;
      return inner.resolve(target, options);
    },
  };
}

/** A client that meets the registry without a socket, or over one; retries do not wait. */
export function clientOf(registry: TestRegistry, options: ClientOptions & { socket?: boolean } = {}): Client {
  const { socket = false, ...rest } = options;
  return createClient({
    retry: { sleep: () => Promise.resolve() },
    ...(socket ? {} : { driver: fetchDriver((request) => registry.fetch(request)) }),
    ...rest,
  });
}

/** A request that is meant for the registry; the scheme of its URL is chosen on the way. */
export function ask(
  registry: TestRegistry,
  path: string,
  { scopes, ...rest }: Partial<TransportRequest> & { scopes?: readonly string[] } = {},
): TransportRequest {
  return {
    method: 'GET',
    url: `https://${registry.host}${path}`,
    headers: {},
    context: { registry: registry.host, ...(scopes === undefined ? {} : { scopes }) },
    ...rest,
  };
}

/** A repository of the registry, by a client of its own without a socket unless one is given. */
export function repositoryOf(
  registry: TestRegistry,
  repository = 'team/app',
  client: Client = clientOf(registry),
): RemoteRepository {
  return new RemoteRepository(client.transport, { registry: registry.host, repository });
}

/** Waits that pass at once. */
export const AT_ONCE = { sleep: () => Promise.resolve() } as const;

/** A blob in memory, in chunks of 1000 bytes, that remembers from where it was opened. */
export function blobIn(bytes: Uint8Array): Blob & { readonly opened: number[] } {
  const opened: number[] = [];
  return {
    descriptor: describe('application/octet-stream', bytes),
    opened,
    open({ range } = {}) {
      const { start, end } = range ?? { start: 0, end: bytes.byteLength - 1 };
      opened.push(start);
      return Promise.resolve(inChunks(bytes.subarray(start, end + 1)));
    },
  };
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 1000) yield bytes.subarray(at, at + 1000);
}

/** Everything a list gives. */
export async function listOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}
