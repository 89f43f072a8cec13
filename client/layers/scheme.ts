import { networkReason } from '../network-errors.js';
import { checkCarriage, schemesFor, type PlainHttpOptions } from '../plain-http.js';
import type { Transport, TransportLayer, TransportRequest, TransportResponse } from '../transport.js';

type Scheme = 'http:' | 'https:';

/**
 * Chooses between HTTP and HTTPS for requests that are meant for a registry, and remembers it by host. Loopback: HTTP,
 * and HTTPS if that is refused. Hosts that plain HTTP is allowed for: HTTPS, and HTTP if that is not spoken there; a
 * certificate that is not trusted never leads to HTTP. All others: HTTPS. Other requests keep the scheme of their URL.
 * Whatever the scheme, no `Authorization` goes out where it could be read on the way.
 * @throws OciError `DENIED` for credentials over plain HTTP
 */
export function scheme(options: PlainHttpOptions = {}): TransportLayer {
  const decided = new Map<string, Scheme>();
  return (next) => {
    const send = guarded(next, options);
    return async (request) => {
      const { host } = new URL(request.url);
      if (request.context?.registry === undefined) return await send(request);
      const [first = 'https:', second] = decided.has(host) ? [decided.get(host)] : schemesFor(host, options);
      const choose = (chosen: Scheme, response: TransportResponse): TransportResponse => {
        decided.set(host, chosen);
        return response;
      };
      const ask = (by: Scheme): Promise<TransportResponse> => send(over(request, by));
      if (second === undefined) return choose(first, await ask(first));
      let answer: TransportResponse | undefined;
      let failure: unknown;
      try {
        answer = await ask(first);
        if (first === 'https:' || !wantsTls(answer)) return choose(first, answer);
      } catch (error) {
        if (!mayBeOtherScheme(error)) throw error;
        failure = error;
      }
      try {
        const other = await ask(second);
        await answer?.discard();
        return choose(second, other);
      } catch (error) {
        const reason = networkReason(error);
        // A certificate, trusted or not, is spoken of over HTTPS only: the first answer was about the scheme.
        if (answer !== undefined && reason !== undefined && reason !== 'certificate')
          return choose(first, answer);
        throw worth(failure, error);
      }
    };
  };
}

function guarded(next: Transport, options: PlainHttpOptions): Transport {
  return async (request) => {
    if (request.headers.authorization !== undefined) checkCarriage(request.url, options);
    return await next(request);
  };
}

function over(request: TransportRequest, by: Scheme): TransportRequest {
  const url = new URL(request.url);
  if (url.protocol === by) return request;
  url.protocol = by;
  return { ...request, url: url.href };
}

/** Servers written in Go, and nginx, say with a status that they were asked over HTTP on a port for HTTPS. */
function wantsTls(response: TransportResponse): boolean {
  return response.status === 400 && response.header('docker-distribution-api-version') === undefined;
}

/** True for what is met on a port where the other scheme, or nobody, answers. */
function mayBeOtherScheme(error: unknown): boolean {
  const reason = networkReason(error);
  return reason === 'refused' || reason === 'protocol' || reason === 'closed' || reason === 'other';
}

/** Of two failures the one that tells more: where nobody spoke the other scheme, the first. */
function worth(first: unknown, second: unknown): unknown {
  const reason = networkReason(second);
  return first !== undefined && (reason === 'protocol' || reason === 'refused') ? first : second;
}
