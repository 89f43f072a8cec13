import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  OciError,
  parseDigest,
  parseRepository,
  quote,
  streamOf,
  type ByteStream,
  type Digest,
} from '../oci/index.js';
import type { Access, Principal } from './access/access.js';
import type { ResolvedOptions } from './options.js';
import { wholeAnswer } from './lend.js';
import type { Budget } from './budget.js';
import { own } from './storage/spent.js';
import type { Store } from './storage/store.js';

/** What the Node adapter hands over beside the request. */
export interface NodeBindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
  /** Tells a client that waits for it (`Expect: 100-continue`) to send the body. */
  readonly proceed?: () => void;
}

/** One request on its way through the registry. */
export interface Call {
  readonly request: Request;
  readonly method: string;
  readonly query: URLSearchParams;
  readonly node: NodeBindings | undefined;
  readonly store: Store;
  readonly options: ResolvedOptions;
  readonly access: Access;
  readonly principal: Principal;
  /** Room for the manifests that are taken in at a time. */
  readonly manifestRoom: Budget;
  /** Facts for the log and the metrics. */
  readonly note: RequestNote;
  /** Takes failures that come when the answer is on its way. */
  readonly tell: (error: unknown) => void;
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

/**
 * The body as it comes in: from the socket when there is one, else from the request. To stop halfway leaves the rest
 * with the socket, so that the client can still be answered.
 * @param length how many bytes it must have, when that is known
 * @throws OciError `ABORTED` when the sender fails, `SIZE_INVALID` when the length is another
 */
export async function* bodyOf(
  { node, request, note }: Pick<Call, 'node' | 'request' | 'note'>,
  length?: number,
): AsyncGenerator<Uint8Array> {
  node?.proceed?.();
  const source: ByteStream =
    node?.incoming?.iterator({ destroyOnReturn: false }) ?? (request.body as ByteStream | null) ?? streamOf();
  let size = 0;
  try {
    for await (const chunk of source) {
      if (!ArrayBuffer.isView(chunk)) throw new TypeError('a chunk of the body is not bytes');
      size += chunk.byteLength;
      note.received += chunk.byteLength;
      if (length !== undefined && size > length) break;
      yield node?.incoming === undefined ? chunk : own(chunk);
    }
  } catch (cause) {
    throw new OciError('ABORTED', 'the request body ended before it was whole', { cause });
  }
  if (length !== undefined && size !== length) {
    const came = size > length ? 'more' : String(size);
    throw new OciError('SIZE_INVALID', `the body was declared to have ${length} bytes, there are ${came}`);
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
    throw new OciError('SIZE_INVALID', `Content-Length ${quote(text, 40)} is not a number of bytes`);
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

/** An answer without a body. */
export function empty(status: number, headers: Record<string, string>): Response {
  return new Response(null, { status, headers });
}

/** A JSON answer. HEAD gets its headers only. */
export function json(call: Call, body: unknown, headers: Record<string, string> = {}): Response {
  const text = JSON.stringify(body);
  const init = {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      ...headers,
    },
  };
  return call.method === 'HEAD' ? new Response(null, init) : wholeAnswer(text, init);
}
