import { CountQueuingStrategy, ReadableStream } from 'node:stream/web';
import { withCredentials, type Credentials } from './credentials.js';
import { HeaderList, type Wire, type WireRequest, type WireResponse } from './wire.js';

export interface FetchWireOptions {
  readonly credentials?: Credentials;
  /** Origin of the request URLs; nothing is looked up or connected. */
  readonly origin?: string;
}

/** Chunks of a body that are ready before anyone reads: what a socket's buffer would hold. */
const READ_AHEAD = 64;

/** A wire to anything shaped like `fetch`, with no socket. */
export function fetchWire(
  fetch: (request: Request) => Promise<Response> | Response,
  options: FetchWireOptions = {},
): Wire {
  const origin = options.origin ?? 'http://registry.test';
  const send = async (request: WireRequest): Promise<WireResponse> => {
    const response = await fetch(toRequest(origin, request));
    return {
      status: response.status,
      headers: new HeaderList(response.headers),
      body: new Uint8Array(await response.arrayBuffer()),
    };
  };
  const wire: Wire = Object.assign(send, { origin, isSocket: false, close: () => undefined });
  return options.credentials === undefined ? wire : withCredentials(wire, options.credentials);
}

function toRequest(origin: string, request: WireRequest): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    for (const line of typeof value === 'string' ? [value] : value) headers.append(name, line);
  }
  const { body } = request;
  // A server sees the length of a body on the wire; a Request does not carry it by itself.
  const length = body === undefined ? 0 : body instanceof Uint8Array ? body.byteLength : undefined;
  const bodiless = request.method === 'GET' || request.method === 'HEAD';
  if (length !== undefined && !bodiless && !headers.has('content-length')) {
    headers.set('content-length', String(length));
  }
  return new Request(new URL(request.path, origin), {
    method: request.method,
    headers,
    redirect: 'manual',
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    ...(body === undefined || bodiless ? {} : bodyInit(body)),
  });
}

function bodyInit(body: NonNullable<WireRequest['body']>): RequestInit {
  if (body instanceof Uint8Array) return { body };
  const iterator = body[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: async () => {
        await iterator.return?.();
      },
    },
    new CountQueuingStrategy({ highWaterMark: READ_AHEAD }),
  );
  return { body: stream, duplex: 'half' };
}
