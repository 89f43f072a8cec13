import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  OciError,
  isRepository,
  parseDigest,
  parseRepository,
  type ByteStream,
  type Digest,
} from '../oci/index.js';
import type { Access, Principal } from './access/access.js';
import type { ResolvedOptions } from './options.js';
import type { Store } from './storage/store.js';

/** What the Node adapter hands over beside the request. */
export interface NodeBindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}

/** One request on its way through the registry. */
export interface Call {
  readonly request: Request;
  readonly method: string;
  /** The checked path, escapes resolved. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly node: NodeBindings | undefined;
  readonly store: Store;
  readonly options: ResolvedOptions;
  readonly access: Access;
  readonly principal: Principal;
  /** Facts for the log and the metrics. */
  readonly note: RequestNote;
}

/** What handlers tell about a request beside the answer. */
export interface RequestNote {
  operation: string;
  repository?: string;
  reference?: string;
  /** Body bytes taken in. */
  received: number;
}

export const header = (call: Call, name: string): string | undefined =>
  call.request.headers.get(name) ?? undefined;

/** The body as it comes in: from the socket when there is one, else from the request. */
export async function* bodyOf(call: Call): AsyncGenerator<Uint8Array> {
  const { node, request } = call;
  const source: ByteStream | null = node?.incoming ?? (request.body as ByteStream | null);
  if (source === null) return;
  for await (const chunk of source) {
    call.note.received += chunk.byteLength;
    yield chunk;
  }
}

/**
 * The declared length of the body, when there is one.
 * @throws OciError `SIZE_INVALID`
 */
export function contentLength(call: Call): number | undefined {
  const text = header(call, 'content-length');
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw new OciError('SIZE_INVALID', `Content-Length "${text.slice(0, 40)}" is not a number of bytes`);
  return Number(text);
}

/** @throws OciError `NAME_INVALID` */
export function repositoryOf(call: Call, name: string): string {
  const repo = parseRepository(name);
  call.note.repository = repo;
  return repo;
}

/** @throws OciError `DIGEST_INVALID` */
export function digestFrom(call: Call, text: string): Digest {
  call.note.reference = text.slice(0, 200);
  return parseDigest(text);
}

export { isRepository };

/** An answer without a body. */
export function empty(status: number, headers: Record<string, string>): Response {
  return new Response(null, { status, headers });
}

/** A JSON answer. HEAD gets its headers only. */
export function json(call: Call, body: unknown, headers: Record<string, string> = {}): Response {
  const text = JSON.stringify(body);
  return new Response(call.method === 'HEAD' ? null : text, {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      ...headers,
    },
  });
}
