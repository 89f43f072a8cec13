import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createNetServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { OciError } from '../oci/index.js';
import { answerPlainHttp } from './plain-http.js';
import { answerOn, type Handler } from './socket.js';
import { openTls, type TlsAuthority, type TlsOptions } from './tls.js';

const HOST = '127.0.0.1';
const PORT = 5000;

export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes any free port. Default 5000. */
  readonly port?: number;
  /** How long `close` lets requests under way go on, in milliseconds. Default 30 seconds. */
  readonly grace?: number;
  /**
   * How long a client may go on to send a body that is not wanted, in milliseconds, before its connection is closed.
   * Default 5 seconds.
   */
  readonly linger?: number;
  /**
   * How long a client may send nothing of a request that it has begun, in milliseconds, before its connection is closed;
   * its head must be whole by then. How long a body takes in all is not limited. 0 is no limit. Default 60 seconds.
   */
  readonly idleTimeout?: number;
  /** Listen for HTTPS, with this certificate. Default: HTTP. */
  readonly tls?: TlsOptions;
}

/** A registry on a socket. */
export interface Server {
  /** Where it listens, as `http://127.0.0.1:5000`; `https` with TLS. */
  readonly url: string;
  /** What clients must trust, when the certificate was made here. */
  readonly authority?: TlsAuthority;
  readonly host: string;
  readonly port: number;
  /** Stops to listen, lets transfers end within the grace, then ends the rest. The registry stays open. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Looks whether a registry could listen there, for those who would otherwise have made a data folder in vain.
 * @throws OciError `INVALID_OPTION` as `listen` would
 */
export async function requirePort({
  host = HOST,
  port = PORT,
}: Pick<ListenOptions, 'host' | 'port'>): Promise<void> {
  if (port === 0) return;
  const probe = createNetServer();
  await bind(probe, host, port);
  await new Promise<void>((resolve) => probe.close(() => resolve()));
}

/**
 * Serves a registry, or anything with a `fetch`, on a socket.
 * @throws OciError `INVALID_OPTION` when the address cannot be had, or TLS files cannot be used
 */
export async function listen(handler: Handler, options: ListenOptions = {}): Promise<Server> {
  const { host = HOST, port = PORT, grace = 30_000, idleTimeout = 60_000 } = options;
  const settings = {
    // A slow upload is no reason to end it; slow headers are, and so is a peer that is no longer there.
    requestTimeout: 0,
    headersTimeout: idleTimeout,
    connectionsCheckingInterval: Math.min(30_000, Math.max(10, idleTimeout / 2)),
    keepAliveTimeout: 75_000,
    keepAlive: true,
    noDelay: true,
  };
  const tls = options.tls === undefined ? undefined : await openTls(options.tls, host);
  const secure = tls === undefined ? undefined : createSecureServer({ ...settings, ...tls.pair });
  const server: HttpServer = secure ?? createServer(settings);
  answerOn(server, handler, { linger: options.linger ?? 5_000, idle: idleTimeout });
  const doorway =
    secure === undefined
      ? undefined
      : answerPlainHttp(secure, idleTimeout, (client) =>
          handler.refused?.({ ...(client === undefined ? {} : { client }), status: 400, duration: 0 }),
        );
  await bind(server, host, port);
  const address = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  let closed: Promise<void> | undefined;
  const unfollow = secure === undefined ? undefined : tls?.follow(secure);
  const close = (): Promise<void> => {
    unfollow?.();
    closed ??= stop(server, grace);
    doorway?.close();
    return closed;
  };
  return {
    url: `${secure === undefined ? 'http' : 'https'}://${shown}:${address.port}`,
    ...(tls?.authority === undefined ? {} : { authority: tls.authority }),
    host,
    port: address.port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function bind(server: NetServer, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is taken: choose another with --port, or --port 0 for any`
          : cause.code === 'EACCES'
            ? `port ${port} on ${host} needs more rights: choose one from 1024 on with --port`
            : `cannot listen on ${host}:${port}: ${cause.message}`;
      reject(new OciError('INVALID_OPTION', why, { cause }));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

async function stop(server: HttpServer, grace: number): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), grace);
  await ended;
  clearTimeout(timer);
}
