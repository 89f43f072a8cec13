import { createClient, type Client, type ClientOptions } from '../../client/client.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { staticKeychain, type Credentials, type Keychain } from '../../client/credentials/keychain.js';
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
