import type { TransportLayer } from '../transport.js';

/** Says who is asking, unless the request says so itself. */
export function userAgent(name: string): TransportLayer {
  return (next) => (request) => next({ ...request, headers: { 'user-agent': name, ...request.headers } });
}
