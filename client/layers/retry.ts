import { OciError } from '../../oci/index.js';
import { backOff, isPassing, isPassingStatus, type BackOffOptions } from '../passing.js';
import { retryAfterOf } from '../retry-after.js';
import {
  withBody,
  type TransportLayer,
  type TransportRequest,
  type TransportResponse,
} from '../transport.js';
import { sleep as wait, type Sleep } from './sleep.js';

/** Told before each wait. */
export interface RetryEvent {
  readonly request: TransportRequest;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  /** Milliseconds until the next. */
  readonly wait: number;
  /** The status of the answer, or the error where there was none. */
  readonly cause: number | OciError;
}

/** How often and after what waits a request is sent again. Times are milliseconds. */
export interface RetryOptions extends BackOffOptions {
  /** Attempts altogether, at least 1. Default 4. */
  readonly attempts?: number;
  /** The longest wait that `Retry-After` can ask for. Default 60 s. */
  readonly retryAfterCap?: number;
  readonly onRetry?: (event: RetryEvent) => void;
  readonly sleep?: Sleep;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Sends again what failed for a reason that may pass: reads and writes alike, since bodies reopen. The wait doubles,
 * and a random half of it is left out, so that many clients do not come back at once; what `Retry-After` asks for is
 * kept, up to its cap. The last answer is given back, the last error thrown. A document is read here (`context.whole`): one
 * that breaks off is asked for again.
 * @throws OciError `INVALID_OPTION`
 */
export function retry(options: RetryOptions = {}): TransportLayer {
  const { attempts = 4, retryAfterCap = 60_000, sleep = wait, now = Date.now, onRetry } = options;
  if (!Number.isInteger(attempts) || attempts < 1)
    throw new OciError('INVALID_OPTION', `retry attempts is ${attempts}, expected 1 or more`);
  return (next) => async (request) => {
    if (request.context?.retry === false) return await next(request);
    for (let attempt = 1; ; attempt++) {
      const outcome = await attemptOnce(async () => readAhead(await next(request), request));
      const last = attempt >= attempts || !passes(outcome);
      if (last) return give(outcome);
      const asked = 'response' in outcome ? retryAfterOf(outcome.response, now()) : undefined;
      const delay = asked === undefined ? backOff(attempt, options) : Math.min(retryAfterCap, asked);
      if ('response' in outcome) await outcome.response.discard();
      const cause = 'response' in outcome ? outcome.response.status : (outcome.error as OciError);
      onRetry?.({ request, attempt, wait: delay, cause });
      await sleep(delay, request.signal);
    }
  };
}

/** The answer with its first bytes in memory; all of it, where it is no longer than it is meant to be. */
async function readAhead(response: TransportResponse, request: TransportRequest): Promise<TransportResponse> {
  const { whole = 0 } = request.context ?? {};
  if (whole === 0 || response.status !== 200) return response;
  const rest = response.body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  for (let size = 0; size <= whole;) {
    // oxlint-disable-next-line no-await-in-loop -- one after another
    const { done, value } = await rest.next();
    if (done === true) break;
    chunks.push(value);
    size += value.byteLength;
  }
  async function* body(): AsyncGenerator<Uint8Array> {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return withBody(response, { body: body(), discard: () => response.discard() });
}

type Outcome = { readonly response: TransportResponse } | { readonly error: unknown };

async function attemptOnce(send: () => Promise<TransportResponse>): Promise<Outcome> {
  try {
    return { response: await send() };
  } catch (error) {
    return { error };
  }
}

function passes(outcome: Outcome): boolean {
  return 'response' in outcome ? isPassingStatus(outcome.response.status) : isPassing(outcome.error);
}

function give(outcome: Outcome): TransportResponse {
  if ('response' in outcome) return outcome.response;
  throw outcome.error;
}
