import type { Lender, Lent } from './storage/bytes.js';

/** Bodies that can also lend their buffers, by the answer that carries them. */
const lenders = new WeakMap<Response, Lender>();

/**
 * Notes that the body of an answer can be had without a copy by whoever writes it to a socket.
 * @param tell told of a failure before the reader meets it
 */
export function withLender(answer: Response, body: unknown, tell: (error: unknown) => void): Response {
  if (typeof body !== 'object' || body === null || !('lend' in body)) return answer;
  const lender = body as Lender;
  lenders.set(answer, { lend: () => lendTold(lender, tell) });
  return answer;
}

async function* lendTold(
  lender: Lender,
  tell: (error: unknown) => void,
): AsyncGenerator<Lent, void, undefined> {
  try {
    yield* lender.lend();
  } catch (error) {
    tell(error);
    throw error;
  }
}

/** Bodies that lie in memory whole, by the answer that carries them. */
const wholes = new WeakMap<Response, Uint8Array | string>();

/** Makes an answer whose body whoever writes it to a socket can have without reading a stream. */
export function wholeAnswer(body: Uint8Array | string, init: ResponseInit): Response {
  const answer = new Response(body as Uint8Array<ArrayBuffer> | string, init);
  wholes.set(answer, body);
  return answer;
}

/** The body of an answer, when it lies in memory. */
export const wholeOf = (answer: Response): Uint8Array | string | undefined => wholes.get(answer);

/** How to get the body of an answer without a copy; then the body itself must be left alone. */
export const lenderOf = (answer: Response): Lender | undefined => lenders.get(answer);
