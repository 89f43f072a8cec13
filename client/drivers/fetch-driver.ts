import { networkError } from '../network-errors.js';
import type { Transport, TransportRequest, TransportResponse } from '../transport.js';
import { Source } from './source.js';
import { webStream } from './web-stream.js';

/** Any function that answers requests: the global `fetch`, or that of a registry in this process. */
export type Fetch = (request: Request) => Promise<Response> | Response;

/**
 * A transport over `fetch`. With that of a registry client and registry meet without a socket. Bytes arrive as they
 * were sent only if nothing on the way unpacks them, so compression on the way is not asked for.
 */
export function fetchDriver(fetch: Fetch): Transport {
  return async (request) => {
    request.signal?.throwIfAborted();
    const { body } = request;
    const source = body === undefined || body.length === 0 ? undefined : new Source(body);
    try {
      const response = await fetch(requestOf(request, source));
      // The other side may have taken a body that broke off for a bad request.
      if (source?.failed === true) await response.body?.cancel();
      else return responseOf(response, request);
    } catch (error) {
      throw source?.failed === true ? source.error : failure(error, request);
    }
    throw source.error;
  };
}

function failure(error: unknown, request: TransportRequest): unknown {
  return request.signal?.aborted === true ? request.signal.reason : networkError(error, request);
}

function requestOf(
  { method, url, headers, body, signal }: TransportRequest,
  source: Source | undefined,
): Request {
  const { length } = body ?? {};
  const init: RequestInit & { duplex: 'half' } = {
    method,
    headers: {
      'accept-encoding': 'identity',
      ...(length === undefined ? {} : { 'content-length': String(length) }),
      ...headers,
    },
    redirect: 'manual',
    duplex: 'half',
    ...(source === undefined ? {} : { body: webStream(source) }),
    ...(signal === undefined ? {} : { signal }),
  };
  return new Request(url, init);
}

function responseOf(response: Response, request: TransportRequest): TransportResponse {
  const { body } = response;
  return {
    status: response.status,
    url: request.url,
    header: (name) => response.headers.get(name) ?? undefined,
    headerNames: () => response.headers.keys(),
    body: bytesOf(response, request),
    async discard() {
      // A body under a reader is given up by that reader.
      if (body !== null && !body.locked) await body.cancel().catch(() => undefined);
    },
  };
}

async function* bytesOf(response: Response, request: TransportRequest): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const expected = request.method === 'HEAD' ? undefined : response.headers.get('content-length');
  let seen = 0;
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      seen += chunk.byteLength;
      yield chunk;
    }
  } catch (error) {
    throw failure(error, request);
  }
  // Without a socket nobody else notices.
  if (expected !== null && expected !== undefined && seen < Number(expected))
    throw networkError(
      Object.assign(new Error(`${seen} of ${expected} bytes came`), { code: 'UND_ERR_SOCKET' }),
      request,
    );
}
