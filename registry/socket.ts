import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { OciError } from '../oci/index.js';
import type { NodeBindings } from './call.js';
import { errorResponse } from './errors.js';
import { inTurn } from './in-turn.js';
import { checkPath, splitTarget } from './routes.js';
import type { Answering } from './requests.js';
import { send, type Ending } from './send.js';
import { Stalls } from './stalls.js';

/** A registry, or anything else that answers requests. */
export interface Handler {
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** Told of requests that were answered without it: malformed ones, and plain HTTP where HTTPS is spoken. */
  refused?(facts: RefusedRequest): void;
}

/** What is known of a request that nobody could read. */
export interface RefusedRequest {
  /** Undefined when not even that was read. */
  readonly method?: string;
  readonly path?: string;
  readonly client?: string;
  readonly status: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** How long clients may take, in milliseconds. */
export interface Patience {
  /** To go on sending a body that is not wanted. */
  readonly linger: number;
  /** Without a byte of a body that is; 0 is no limit. */
  readonly idle: number;
}

/** Has every request of a server answered by a handler. */
export function answerOn(server: Server, handler: Handler, { linger, idle }: Patience): void {
  /** Requests whose client waits to be told to send the body. */
  const waiting = new WeakSet<IncomingMessage>();
  /** Requests that the handler got to see. */
  const reached = new WeakSet<IncomingMessage>();
  const stalls = new Stalls(idle, (incoming) => !waiting.has(incoming as IncomingMessage));
  const endingOf = (incoming: IncomingMessage): Ending => ({ linger, comes: !waiting.has(incoming) });
  const queue = inTurn();
  // Loaded with the first request: it asks for Node's `Request`, which takes as long as all else that listening does.
  let answer: Answering | undefined;
  const load = async (): Promise<Answering> => {
    const { answering } = await import('./requests.js');
    return (answer ??= answering(async (request, { incoming, outgoing }) => {
      const proceed = (): void => {
        if (waiting.delete(incoming)) outgoing.writeContinue();
      };
      reached.add(incoming);
      const bindings: NodeBindings = { incoming, outgoing, proceed };
      await send(await handler.fetch(request, bindings), incoming, outgoing, endingOf(incoming));
    }));
  };
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    queue(incoming.socket, async () => {
      const closed = new Promise<void>((resolve) => {
        outgoing.once('close', resolve);
      });
      const started = performance.now();
      const unwatch = stalls.watch(incoming, outgoing);
      try {
        const refused = refuse(incoming);
        await (refused === undefined
          ? (answer ?? (await load()))(incoming, outgoing)
          : send(refused, incoming, outgoing, endingOf(incoming)));
        if (!reached.has(incoming)) handler.refused?.(factsOf(incoming, outgoing, started));
        await closed;
      } finally {
        unwatch();
      }
      // A connection that is idle from now on must not hold up the end of the server.
      if (!server.listening) server.closeIdleConnections();
    });
  };
  server.on('request', serve);
  server.on('checkContinue', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    waiting.add(incoming);
    serve(incoming, outgoing);
  });
}

function factsOf(incoming: IncomingMessage, outgoing: ServerResponse, started: number): RefusedRequest {
  const { method, url = '', socket } = incoming;
  const { remoteAddress } = socket;
  return {
    ...(method === undefined ? {} : { method }),
    // Of another target no path can be told, and it may have a password in it.
    ...(url.startsWith('/') ? { path: splitTarget(url).path.slice(0, SHOWN) } : {}),
    ...(remoteAddress === undefined ? {} : { client: remoteAddress }),
    status: outgoing.statusCode,
    duration: performance.now() - started,
  };
}

/** Characters of a path that no handler has seen. */
const SHOWN = 200;

const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** Dot segments and the like reach a `Request` already resolved, so the target is checked as it came. */
function refuse(incoming: IncomingMessage): Response | undefined {
  try {
    const target = incoming.url ?? '/';
    const authority = /^https?:\/\/([^/?#]*)/.exec(target)?.[1];
    if (!target.startsWith('/') && authority === undefined)
      throw new OciError('NAME_INVALID', 'the request target is not a path');
    const { host: hosts = [] } = incoming.headersDistinct;
    const named = authority === undefined ? hosts : [...hosts, authority];
    if (hosts.length > 1 || !named.every((name) => HOST.test(name)))
      throw new OciError('NAME_INVALID', 'the host of the request is not one host');
    checkPath(splitTarget(target).path);
    return undefined;
  } catch (error) {
    return errorResponse(error);
  }
}
