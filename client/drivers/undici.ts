import type { Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import { OciError } from '../../oci/index.js';
import { networkError } from '../network-errors.js';
import type { Driver, TransportRequest, TransportResponse } from '../transport.js';
import { proxyFor, type Environment } from './proxies.js';
import { Source } from './source.js';
import { connectOptions, type ConnectOptions, type TlsTrust, type TrustByHost } from './tls-trust.js';

/** How connections are made and given up. Times are milliseconds. */
export interface UndiciOptions {
  /** Connections to one origin at most. Default 16. */
  readonly connections?: number;
  /** Until a connection stands, TLS included. Default 10 s. */
  readonly connectTimeout?: number;
  /** Silence that is borne before an answer, counted anew whenever the other side takes in bytes. Default 60 s. */
  readonly headersTimeout?: number;
  /** Silence that is borne within the body of an answer while somebody wants to read it. Default 60 s. */
  readonly bodyTimeout?: number;
  /** For all hosts, or for each by its `host[:port]`. */
  readonly tls?: TlsTrust | TrustByHost;
  /** Where proxies are read from. Default `process.env`. */
  readonly environment?: Environment;
}

/**
 * Sends over sockets, by a pool of connections for each origin. undici is loaded with the first request, and unless there
 * is a proxy only its pool: all of it, with its fetch, caches and mocks, takes longer than a short command does. Its global
 * dispatcher is not used.
 */
export function undiciDriver(options: UndiciOptions = {}): Driver {
  const pools = new Map<string, Promise<Dispatcher>>();
  let closed = false;
  const poolOf = (url: URL): Promise<Dispatcher> => {
    if (closed) throw new OciError('ABORTED', 'the client is closed');
    const known = pools.get(url.origin) ?? openPool(url, options);
    pools.set(url.origin, known);
    return known;
  };
  return {
    transport: async (request) => {
      request.signal?.throwIfAborted();
      return await send(await poolOf(new URL(request.url)), request);
    },
    async close() {
      closed = true;
      const open = await Promise.allSettled(pools.values());
      pools.clear();
      await Promise.all(open.flatMap((pool) => (pool.status === 'fulfilled' ? [pool.value.destroy()] : [])));
    },
  };
}

async function openPool(url: URL, options: UndiciOptions): Promise<Dispatcher> {
  const {
    connections = 16,
    connectTimeout = 10_000,
    headersTimeout = 60_000,
    bodyTimeout = 60_000,
  } = options;
  const { tls, environment = process.env } = options;
  // Files of certificates are many and large: where nothing is encrypted they are not read.
  const secure = url.protocol === 'https:' ? await secureOptions(url.host, tls, environment) : {};
  const proxy = proxyFor(url, environment);
  const connect = { ...secure, timeout: connectTimeout };
  const common: Pool.Options = { connections, headersTimeout, bodyTimeout };
  if (proxy === undefined) {
    const { default: Pool } = await import('undici/lib/dispatcher/pool.js');
    return new Pool(url.origin, { ...common, connect });
  }
  // By its default export: in a bundle that is split, a CommonJS package has no other.
  const {
    default: { ProxyAgent },
  } = await import('undici');
  const { username, password } = proxy;
  const user = [username, password].map((part) => decodeURIComponent(part)).join(':');
  return new ProxyAgent({
    ...common,
    uri: proxy.origin,
    ...(username === '' ? {} : { token: `Basic ${Buffer.from(user).toString('base64')}` }),
    // Many proxies tunnel to the port of HTTPS only.
    proxyTunnel: url.protocol === 'https:',
    connectTimeout,
    requestTls: connect,
  });
}

async function secureOptions(
  host: string,
  tls: UndiciOptions['tls'],
  environment: Environment,
): Promise<ConnectOptions> {
  const trust = typeof tls === 'function' ? await tls(host) : tls;
  return await connectOptions(trust ?? {}, environment);
}

async function send(dispatcher: Dispatcher, request: TransportRequest): Promise<TransportResponse> {
  const { method, headers, body, signal } = request;
  const url = new URL(request.url);
  const source = body === undefined || body.length === 0 ? undefined : new Source(body);
  try {
    const { default: ask } = await import('undici/lib/api/api-request.js');
    const answer = await ask.call(dispatcher, {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: body?.length === undefined ? headers : { ...headers, 'content-length': String(body.length) },
      // undici takes any async iterable; its types know only streams.
      body: (source ?? null) as unknown as Readable | null,
      signal: signal ?? null,
    });
    return responseOf(answer, request);
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw source?.failed === true ? source.error : networkError(error, request);
  }
}

function responseOf(answer: Dispatcher.ResponseData, request: TransportRequest): TransportResponse {
  const { statusCode, headers, body } = answer;
  // Whoever reads hears of it; an answer that nobody reads must not end the process.
  body.on('error', () => undefined);
  return {
    status: statusCode,
    url: request.url,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    headerNames: () => Object.keys(headers),
    body: bytesOf(body, request),
    async discard() {
      if (body.readableEnded || body.destroyed) return;
      const { signal } = request;
      // What is short is read, so that the connection can be used again.
      await body
        .dump({ limit: 64 * 1024, ...(signal === undefined ? {} : { signal }) })
        .catch(() => undefined);
    },
  };
}

async function* bytesOf(
  body: AsyncIterable<Uint8Array>,
  request: TransportRequest,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    if (request.signal?.aborted === true) throw request.signal.reason;
    throw networkError(error, request);
  }
}
