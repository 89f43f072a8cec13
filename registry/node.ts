import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { OciError } from '../oci/index.js';
import { errorBody } from './errors.js';
import { checkPath, splitTarget } from './routes.js';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes any free port. Default 5000. */
  readonly port?: number;
  /** How long `close` lets requests under way go on, in milliseconds. Default 30 seconds. */
  readonly grace?: number;
}

/** A registry on a socket. */
export interface Server {
  /** Where it listens, as `http://127.0.0.1:5000`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Stops to listen, lets transfers end within the grace, then ends the rest. The registry stays open. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Handler {
  fetch(request: Request, env?: unknown): Promise<Response>;
}

/**
 * Serves a registry, or anything with a `fetch`, on a socket.
 * @throws OciError `INVALID_OPTION` when the address cannot be had
 */
export async function listen(handler: Handler, options: ListenOptions = {}): Promise<Server> {
  const { host = '127.0.0.1', port = 5000, grace = 30_000 } = options;
  const answer = getRequestListener((request, env) => handler.fetch(request, env), {
    overrideGlobalObjects: false,
  });
  const server = createServer(
    {
      // A slow upload is no reason to end it; slow headers are.
      requestTimeout: 0,
      headersTimeout: 60_000,
      keepAliveTimeout: 75_000,
      noDelay: true,
    },
    (request, response) => {
      if (refuseTarget(request, response)) return;
      void answer(request, response);
    },
  );
  await bind(server, host, port);
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${host}]` : host;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= stop(server, grace);
    return closed;
  };
  return {
    url: `http://${shown}:${address.port}`,
    host,
    port: address.port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Dot segments and the like reach a `Request` already resolved, so the target is checked as it came. */
function refuseTarget(request: IncomingMessage, response: ServerResponse): boolean {
  try {
    const target = request.url ?? '/';
    if (!target.startsWith('/') && !/^https?:\/\//i.test(target))
      throw new OciError('NAME_INVALID', 'the request target is not a path');
    checkPath(splitTarget(target).path);
    return false;
  } catch (error) {
    const body = errorBody(error);
    response.writeHead(400, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    });
    response.end(body);
    return true;
  }
}

async function bind(server: HttpServer, host: string, port: number): Promise<void> {
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
