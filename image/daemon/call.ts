import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import {
  OciError,
  collect,
  isObject,
  printable,
  type ByteStream,
  type CallOptions,
  type ErrorCode,
} from '../../oci/index.js';
import { showAddress, type DaemonAddress } from './address.js';

/** What a daemon says besides images is short. */
const ANSWER_LIMIT = 4 << 20;

/** A call to a daemon that has begun. */
export interface DaemonCall {
  /** Takes the body, and is to be ended. */
  readonly body: ClientRequest;
  /** Rejects with OciError `NETWORK`. */
  readonly answer: Promise<IncomingMessage>;
}

/** Begins a call of the Docker Engine API, in the version that the daemon likes best. */
export function call(
  address: DaemonAddress,
  method: string,
  path: string,
  { signal, type }: CallOptions & { readonly type?: string } = {},
): DaemonCall {
  const body = request({
    ...address,
    method,
    path,
    // A daemon behind a socket has no name, and Go wants one.
    headers: { ...('socketPath' in address && { host: 'docker' }), ...(type && { 'content-type': type }) },
    ...(signal && { signal }),
    agent: false,
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    body.once('response', resolve);
    body.once('error', (cause) => {
      if (signal?.aborted === true) reject(signal.reason as Error);
      else
        reject(
          new OciError('NETWORK', `daemon ${showAddress(address)}: ${method} ${path}: ${cause.message}`, {
            cause,
          }),
        );
    });
  });
  // Whoever writes the body looks at it at the end.
  answer.catch(() => undefined);
  return { body, answer };
}

/**
 * Reads an answer to its end, and the lines of progress in it, where errors stand too.
 * @throws OciError of the status or of what the daemon says
 */
export async function finishCall(answer: IncomingMessage, what: string): Promise<void> {
  const text = Buffer.from(await collect(contentOf(answer, what, {}), ANSWER_LIMIT, what)).toString('utf8');
  const error = errorIn(text);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300 && error === undefined) return;
  throw refused(what, status, error ?? text.trim());
}

/** The body of an answer. Throws OciError `NETWORK` when it breaks off. */
export async function* contentOf(
  answer: IncomingMessage,
  what: string,
  { signal }: CallOptions,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of answer as ByteStream) yield bytes;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new OciError('NETWORK', `${what}: the answer broke off: ${(cause as Error).message}`, { cause });
  }
}

/** Throws unless an answer is good; what it brings is left unread. */
export async function checkAnswer(answer: IncomingMessage, what: string): Promise<void> {
  if (answer.statusCode === 200) return;
  await finishCall(answer, what);
  throw refused(what, answer.statusCode ?? 0, 'nothing came with it');
}

function refused(what: string, status: number, said: string): OciError {
  const code: ErrorCode =
    status === 404 ? 'MANIFEST_UNKNOWN' : status === 401 || status === 403 ? 'DENIED' : 'UNKNOWN';
  const reason = said === '' ? 'without a reason' : printable(said.slice(0, 1000));
  return new OciError(code, `${what}: the daemon answered ${status}: ${reason}`, { detail: { status } });
}

/** The first error in lines of JSON: `{"error":"…"}` of Docker, `{"message":"…"}` and `{"cause":"…"}` of refusals. */
function errorIn(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const value = parsed(line);
    if (!isObject(value)) continue;
    const { error, errorDetail, message } = value;
    if (isObject(errorDetail) && typeof errorDetail.message === 'string') return errorDetail.message;
    for (const found of [error, message]) if (typeof found === 'string' && found !== '') return found;
  }
  return undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
