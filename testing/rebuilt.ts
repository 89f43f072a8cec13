import type { ByteStream } from '../oci/index.js';
import { streamFrom } from './faults/body.js';
import type { Incoming } from './faults/line.js';

/** What is to be different in a request. */
export interface Changes {
  readonly url?: string;
  readonly headers?: Headers;
  /** Read in place of its body. */
  readonly body?: ByteStream;
}

/** A request with changes; what did not change, its body on the socket too, stays as it came. */
export function rebuilt({ request, env }: Incoming, changes: Changes): Incoming {
  const { method, signal } = request;
  const body =
    changes.body === undefined
      ? env?.incoming === undefined
        ? request.body
        : null
      : streamFrom(changes.body);
  const init: RequestInit & { duplex?: 'half' } = {
    method,
    headers: changes.headers ?? request.headers,
    signal,
    ...(body === null ? {} : { body, duplex: 'half' }),
  };
  // Without `incoming` the registry reads the body of the request itself.
  const { incoming: _, ...rest } = env ?? {};
  return {
    request: new Request(changes.url ?? request.url, init),
    env: changes.body === undefined || env === undefined ? env : rest,
  };
}
