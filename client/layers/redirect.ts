import { OciError, quote } from '../../oci/index.js';
import { isInternal } from '../addresses.js';
import { redactUrl } from '../redact.js';
import type { TransportLayer, TransportRequest, TransportResponse } from '../transport.js';

const HOPS = 10;

/** These leave method and body as they are; the other three are followed for reads only. */
const SAME_METHOD: ReadonlySet<number> = new Set([307, 308]);
const FOR_READS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Never taken to another origin. */
const PERSONAL = ['authorization', 'cookie', 'proxy-authorization'];

/**
 * Follows redirects, at most ten. Credentials stay on their origin; HTTPS never leads to HTTP; and no answer leads to a
 * loopback, private or link-local address on another host, unless the host that was asked first is such itself.
 * @throws OciError `DENIED` for a redirect that is refused
 */
export function redirect(): TransportLayer {
  return (next) => async (request) => {
    if (request.context?.redirect === false) return await next(request);
    let current = request;
    for (let hop = 0; ; hop++) {
      const response = await next(current);
      const location = locationOf(current, response);
      if (location === undefined) return response;
      await response.discard();
      if (hop === HOPS) throw refused(request, `it leads on and on, after ${HOPS} redirects`);
      current = follow(current, response.url, location, request);
    }
  };
}

function locationOf(request: TransportRequest, response: TransportResponse): string | undefined {
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (!(reads ? FOR_READS : SAME_METHOD).has(response.status)) return undefined;
  return response.header('location');
}

/** The next request; `first` is what the caller asked for. */
function follow(
  request: TransportRequest,
  from: string,
  location: string,
  first: TransportRequest,
): TransportRequest {
  if (!URL.canParse(location, from)) throw refused(first, `it leads to ${quote(location)}, which is no URL`);
  const here = new URL(from);
  const there = new URL(location, from);
  checkHop(here, there, first);
  // The URL stands as it was given: no credentials are added to it, and no other scheme is tried.
  const { registry: _registry, ...context } = request.context ?? {};
  const headers = here.origin === there.origin ? request.headers : impersonal(request.headers);
  return { ...request, url: there.href, headers, context };
}

function checkHop(here: URL, there: URL, first: TransportRequest): void {
  const shown = redactUrl(there.href);
  if (there.protocol !== 'https:' && there.protocol !== 'http:')
    throw refused(first, `it leads to ${shown}, which is not HTTP`);
  if (here.protocol === 'https:' && there.protocol === 'http:')
    throw refused(first, `it leads from HTTPS to plain HTTP at ${shown}`);
  if (there.username !== '' || there.password !== '')
    throw refused(first, `it leads to a URL with credentials in it, ${shown}`);
  if (leadsInside(there, new URL(first.url)))
    throw refused(first, `it leads to an internal address, ${shown}`);
}

/** True when `there` is an address of the inside, on another host than `from`, which is not. */
export function leadsInside(there: URL, from: URL): boolean {
  return there.hostname !== from.hostname && isInternal(there.hostname) && !isInternal(from.hostname);
}

function impersonal(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !PERSONAL.includes(name)));
}

function refused(request: TransportRequest, why: string): OciError {
  const url = redactUrl(request.url);
  return new OciError('DENIED', `${request.method} ${url}: the redirect is not followed: ${why}`, {
    detail: { method: request.method, url },
  });
}
