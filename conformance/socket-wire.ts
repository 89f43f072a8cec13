import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { withCredentials, type Credentials } from './credentials.js';
import { HeaderList, type Wire, type WireRequest, type WireResponse } from './wire.js';

export interface SocketWireOptions {
  readonly credentials?: Credentials;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string | Uint8Array;
  /** Accept any certificate. */
  readonly insecure?: boolean;
}

type Send = (url: URL, request: WireRequest, fresh: boolean) => ClientRequest;

/** A wire to a registry by URL, over kept-alive sockets. Paths go out byte for byte. */
export function socketWire(url: string, options: SocketWireOptions = {}): Wire {
  const { origin } = new URL(url);
  const plain = new HttpAgent({ keepAlive: true });
  const secure = new HttpsAgent({
    keepAlive: true,
    rejectUnauthorized: options.insecure !== true,
    ...(options.ca === undefined ? {} : { ca: Buffer.from(options.ca) }),
  });
  const open: Send = (target, request, fresh) => {
    const isPlain = target.protocol === 'http:';
    const agent = isPlain ? plain : secure;
    return (isPlain ? httpRequest : httpsRequest)({
      protocol: target.protocol,
      hostname: target.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: target.port,
      path: request.path.startsWith('/') ? request.path : `${target.pathname}${target.search}`,
      method: request.method,
      headers: { ...toHeaders(request, target.host), ...(fresh ? { connection: 'close' } : {}) },
      agent,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
  };
  const wire: Wire = Object.assign(
    async (request: WireRequest): Promise<WireResponse> => {
      const target = request.path.startsWith('/') ? new URL(origin) : new URL(request.path);
      return exchange(open, target, request, false);
    },
    {
      origin,
      isSocket: true,
      close: () => {
        plain.destroy();
        secure.destroy();
      },
    },
  );
  return options.credentials === undefined ? wire : withCredentials(wire, options.credentials);
}

function toHeaders(request: WireRequest, host: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { host };
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    headers[name.toLowerCase()] = typeof value === 'string' ? value : [...value];
  }
  const { body } = request;
  if (headers['content-length'] === undefined) {
    if (body instanceof Uint8Array) headers['content-length'] = String(body.byteLength);
    else if (body !== undefined) headers['transfer-encoding'] = 'chunked';
    else if (request.method !== 'GET' && request.method !== 'HEAD') headers['content-length'] = '0';
  }
  return headers;
}

async function exchange(
  open: Send,
  target: URL,
  request: WireRequest,
  fresh: boolean,
): Promise<WireResponse> {
  const outgoing = open(target, request, fresh);
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  const allowed = expectsContinue(request) ? once(outgoing, 'continue', answered) : undefined;
  // A failure to send destroys the request, so it comes as the error of `answered`.
  const sent = sendBody(outgoing, request.body, allowed).catch(() => undefined);
  try {
    // A server may answer before it has read everything: then the answer counts, and the rest is not sent.
    const incoming = await answered;
    const body = await readAll(incoming);
    if (!outgoing.writableFinished) outgoing.destroy();
    await sent;
    return { status: incoming.statusCode ?? 0, headers: headersOf(incoming), body };
  } catch (error) {
    outgoing.destroy();
    await sent;
    // The server closed a kept-alive socket just as it was taken again (RFC 9112, 9.3.1).
    const repeatable = request.method === 'GET' || request.method === 'HEAD';
    if (repeatable && outgoing.reusedSocket && !fresh && isReset(error))
      return exchange(open, target, request, true);
    throw error;
  }
}

function expectsContinue(request: WireRequest): boolean {
  return Object.keys(request.headers ?? {}).some((name) => name.toLowerCase() === 'expect');
}

/** True when the event came first, false when the request was answered, or failed, before it. */
function once(outgoing: ClientRequest, event: string, answered: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    outgoing.once(event, () => {
      resolve(true);
    });
    answered.then(
      () => resolve(false),
      () => resolve(false),
    );
  });
}

/** @param allowed when given, the body waits for it (RFC 9110, 10.1.1) */
async function sendBody(
  outgoing: ClientRequest,
  body: WireRequest['body'],
  allowed: Promise<boolean> | undefined,
): Promise<void> {
  if (allowed !== undefined) {
    outgoing.flushHeaders();
    if (!(await allowed)) return;
  }
  if (body === undefined || body instanceof Uint8Array) outgoing.end(body);
  else await pipeline(Readable.from(body), outgoing);
}

async function readAll(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
  } catch (cause) {
    throw new Error(`answered ${incoming.statusCode ?? 0}, then broke off before the end of the body`, {
      cause,
    });
  }
  return Buffer.concat(chunks);
}

function headersOf(incoming: IncomingMessage): HeaderList {
  const { rawHeaders: raw } = incoming;
  const entries: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) entries.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return new HeaderList(entries);
}

function isReset(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
