import type { ErrorCode } from '../../oci/index.js';
import type { StatusFault } from './fault.js';

/** Error codes of the distribution spec that go with a status; every other is `UNKNOWN`. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  405: 'UNSUPPORTED',
  416: 'RANGE_INVALID',
  429: 'TOOMANYREQUESTS',
  503: 'UNAVAILABLE',
};

const WITHOUT_BODY = new Set([204, 205, 304]);

/** The answer that a fault gives in place of the registry's. */
export function faultAnswer(fault: StatusFault, name: string, method: string): Response {
  const { status, retryAfter, headers = {} } = fault;
  const message = `fault rule ${name}`;
  const body = fault.body ?? { errors: [{ code: CODES[status] ?? 'UNKNOWN', message }] };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const empty = WITHOUT_BODY.has(status);
  return new Response(empty || method === 'HEAD' ? null : text, {
    status,
    headers: {
      ...(empty
        ? {}
        : { 'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json' }),
      'content-length': String(empty ? 0 : Buffer.byteLength(text)),
      'docker-distribution-api-version': 'registry/2.0',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      ...headers,
    },
  });
}
