import { OciError, type ByteStream, type ReadBlobOptions } from '../../oci/index.js';
import { networkError } from '../network-errors.js';
import { Patience } from '../patience.js';
import type { RetryOptions } from '../layers/retry.js';
import { isPassing } from '../passing.js';
import type { TransportResponse } from '../transport.js';
import { firstOf, rangeOf } from './positions.js';

/** Asks for the content with these headers besides; an answer is 200 or 206. */
export type Ask = (options: {
  readonly headers: Readonly<Record<string, string>>;
  readonly aside: boolean;
}) => Promise<TransportResponse>;

/** What is read, and how long breaks are borne. */
export interface DownloadOptions extends ReadBlobOptions {
  /** For messages. */
  readonly what: string;
  /** Bytes of the whole. */
  readonly size: number;
  readonly retry?: RetryOptions;
}

/** So many bytes more are a gain; fewer, and an answer that ends again and again would be asked for without end. */
const GAIN = 64 * 1024;

/**
 * Reads content that may break off: what is missing is asked for by range, until several answers in a row gain
 * nothing. Answers that ignore the range are read from their start. The bytes are not checked here; an answer that is
 * longer or shorter than `size` on purpose is given as it is.
 * @throws what `ask` throws; while it is read `NETWORK`, and `UNKNOWN` for an answer with other bytes than those asked for
 */
export async function download(ask: Ask, options: DownloadOptions): Promise<ByteStream> {
  const { range, aside = false } = options;
  const headers = range === undefined ? {} : { range: rangeOf(range.start, range.end) };
  const first = await ask({ headers, aside });
  return continued(ask, first, options);
}

async function* continued(
  ask: Ask,
  first: TransportResponse,
  { what, size, range, retry = {}, signal }: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const patience = new Patience(retry);
  const end = range === undefined ? size : Math.min(size, range.end + 1);
  let at = range?.start ?? 0;
  let gainFrom = at;
  for (let response = first; ;) {
    try {
      const bytes = part(response, { at, ...(range === undefined ? {} : { end }), what });
      for await (const chunk of bytes) {
        at += chunk.byteLength;
        yield chunk;
      }
      if (at >= end || !mayBeCut(response)) return;
      throw ended(response, at, end);
    } catch (error) {
      // All came, and only the end of the answer did not.
      if (at === end && isPassing(error)) return;
      if (at - gainFrom >= GAIN) patience.gain();
      gainFrom = at;
      await patience.bear(error, signal);
    }
    const tag = response.header('etag');
    const headers = {
      range: rangeOf(at, range === undefined ? undefined : range.end),
      // A weak tag does not say that bytes are the same (RFC 9110, section 13.1.5).
      ...(tag?.startsWith('"') === true ? { 'if-range': tag } : {}),
    };
    // It had its turn: whoever reads may be sending, and those that are before him in line wait for him to end that.
    response = await ask({ headers, aside: true });
  }
}

/**
 * True for an answer that may hold less than there is: some give only a part of a range; and without a length nothing
 * tells an end from a connection that was closed.
 */
function mayBeCut(response: TransportResponse): boolean {
  return response.status === 206 || response.header('content-length') === undefined;
}

function ended(response: TransportResponse, at: number, end: number): OciError {
  const cause = Object.assign(new Error(`it ended at byte ${at} of ${end}`), { code: 'UND_ERR_SOCKET' });
  return networkError(cause, { method: 'GET', url: response.url });
}

/** The bytes of an answer from position `at` on, and before `end`. */
async function* part(
  response: TransportResponse,
  { at, end, what }: { readonly at: number; readonly end?: number; readonly what: string },
): AsyncGenerator<Uint8Array> {
  let position = response.status === 206 ? (firstOf(response.header('content-range')) ?? at) : 0;
  if (position > at) {
    await response.discard();
    throw new OciError('UNKNOWN', `${what}: asked for byte ${at} and after, got those from ${position}`);
  }
  for await (const chunk of response.body) {
    const from = Math.max(0, at - position);
    const to = end === undefined ? chunk.byteLength : Math.max(0, end - position);
    position += chunk.byteLength;
    const wanted = chunk.subarray(from, to);
    if (wanted.byteLength > 0) yield wanted;
    if (end !== undefined && position >= end) return;
  }
}
