import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { lenderOf, wholeOf } from './lend.js';
import type { Lender } from './storage/bytes.js';

/** How much of a body that nobody wants is read, so that its sender gets to read the answer. */
const LINGER_BYTES = 16 * 1024 * 1024;

/**
 * Bytes of a body that are read before the answer is sent, when its length is known: the connection can be kept, and
 * clients that look at no answer before all is sent go on. containerd waits for ever on a body left unread.
 */
const SMALL_BYTES = 256 * 1024;

/** How the body of a request that is answered without it ends. */
export interface Ending {
  /** Milliseconds that a client gets to send it. */
  readonly linger: number;
  /** False when the client waits to be told to send it. */
  readonly comes: boolean;
}

/**
 * Writes an answer to a socket as fast as the client takes it. A body that fails midway destroys the socket: the client
 * must not take what it has for the whole.
 *
 * An answer may come before the request is in, such as the refusal of a large upload. Then the connection is closed
 * behind it, but not at once: closing with unread bytes resets the connection, and the client may lose the answer.
 */
export async function send(
  answer: Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { linger, comes }: Ending,
): Promise<void> {
  // An answer may be ready before the parser has come to the end of what it was given: let it.
  if (!incoming.complete) await setImmediate();
  if (!incoming.complete && isSmall(incoming) && comes) await rest(incoming, linger);
  const early = !incoming.complete;
  if (early) outgoing.shouldKeepAlive = false;
  try {
    outgoing.writeHead(answer.status, [...answer.headers].flat());
    const whole = wholeOf(answer);
    if (whole !== undefined && !early) {
      // Head and body leave in one piece.
      outgoing.end(whole);
      return;
    }
    const lender = lenderOf(answer);
    if (lender === undefined) await sendBody(answer, outgoing);
    else await sendLent(lender, outgoing);
  } catch {
    // Whoever made the body has been told.
    outgoing.destroy();
    // One that was never begun has nobody else to end it.
    if (answer.body?.locked === false) await answer.body.cancel().catch(() => undefined);
    return;
  }
  if (early && answer.headers.has('content-length')) {
    outgoing.flushHeaders();
    await rest(incoming, linger);
  }
  outgoing.end();
}

const isSmall = ({ headers }: IncomingMessage): boolean => Number(headers['content-length']) <= SMALL_BYTES;

async function sendBody(answer: Response, outgoing: ServerResponse): Promise<void> {
  for await (const chunk of answer.body ?? []) {
    // Leaving the loop cancels the body.
    if (outgoing.destroyed) break;
    if (!outgoing.write(chunk)) await writable(outgoing);
  }
}

/**
 * The lender holds back by itself: it has no buffer to go on with until the socket has taken one. A socket that was
 * destroyed a moment ago takes what is written and never tells: those chunks are given back when it closes.
 */
async function sendLent(lender: Lender, outgoing: ServerResponse): Promise<void> {
  const held = new Set<() => void>();
  const giveAll = (): void => {
    for (const give of held) give();
    held.clear();
  };
  outgoing.once('close', giveAll);
  for await (const { chunk, give } of lender.lend()) {
    if (outgoing.destroyed) break;
    held.add(give);
    outgoing.write(chunk, () => {
      if (held.delete(give)) give();
    });
  }
  outgoing.off('close', giveAll);
}

/** Resolves when the client has taken what was written, or is gone. */
async function writable(outgoing: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done);
      outgoing.off('close', done);
      resolve();
    };
    outgoing.on('drain', done);
    outgoing.on('close', done);
  });
}

/** Reads what still comes, within bounds; returns when it has ended, the client is gone or the time is up. */
async function rest(incoming: IncomingMessage, time: number): Promise<void> {
  if (incoming.destroyed || incoming.complete) return;
  await new Promise<void>((resolve) => {
    let left = LINGER_BYTES;
    const take = (chunk: Uint8Array): void => {
      left -= chunk.byteLength;
      if (left <= 0) incoming.pause();
    };
    const done = (): void => {
      clearTimeout(timer);
      incoming.off('data', take);
      incoming.off('end', done);
      incoming.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, time);
    incoming.on('data', take);
    incoming.on('end', done);
    incoming.on('close', done);
  });
}
