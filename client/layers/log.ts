import { redactHeader, redactUrl } from '../redact.js';
import type { TransportLayer } from '../transport.js';

/** One request and what came of it, with nothing secret in it. */
export interface LogEntry {
  /** Counts requests from 1, in the order they were sent. */
  readonly n: number;
  readonly method: string;
  readonly url: string;
  /** Those sent, redacted. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** The status of the answer; undefined when there was none. */
  readonly status?: number;
  /** Those of the answer that are worth reading, redacted. */
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly error?: unknown;
  /** Milliseconds until the head of the answer, or the error. */
  readonly elapsed: number;
}

/** What the log tells and by which clock. */
export interface LogOptions {
  readonly onEntry: (entry: LogEntry) => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

const WORTH_READING = [
  'content-type',
  'content-length',
  'content-range',
  'docker-content-digest',
  'docker-distribution-api-version',
  'docker-upload-uuid',
  'location',
  'oci-subject',
  'range',
  'retry-after',
  'set-cookie',
  'warning',
  'www-authenticate',
  'x-request-id',
];

/** Tells of every request that goes out, each retry and each hop of a redirect too. */
export function log({ onEntry, now = () => performance.now() }: LogOptions): TransportLayer {
  let count = 0;
  return (next) => async (request) => {
    const n = ++count;
    const start = now();
    const { method } = request;
    const url = redactUrl(request.url);
    const entry = { n, method, url, requestHeaders: redacted(Object.entries(request.headers)) };
    try {
      const response = await next(request);
      const headers = WORTH_READING.map((name) => [name, response.header(name)] as const);
      const responseHeaders = redacted(
        headers.filter((pair): pair is [string, string] => pair[1] !== undefined),
      );
      onEntry({ ...entry, status: response.status, responseHeaders, elapsed: now() - start });
      return response;
    } catch (error) {
      onEntry({ ...entry, error, elapsed: now() - start });
      throw error;
    }
  };
}

function redacted(headers: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(headers.map(([name, value]) => [name, redactHeader(name, value)]));
}
