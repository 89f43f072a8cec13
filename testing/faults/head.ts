import type { HeadFault } from './fault.js';

/** The headers of an answer with a fault in them. */
export function faultyHeaders(given: Headers, fault: HeadFault): Headers {
  const headers = new Headers(given);
  if (fault.kind === 'missingHeader') headers.delete(fault.header);
  else if (fault.kind === 'wrongDigest')
    headers.set('docker-content-digest', otherDigest(headers.get('docker-content-digest') ?? ''));
  else headers.set('location', moved(headers.get('location') ?? '', fault.to));
  return headers;
}

/** The same path and query at another origin. */
export function moved(target: string, origin: string): string {
  const { pathname, search } = new URL(target, origin);
  return `${origin.replace(/\/$/, '')}${pathname}${search}`;
}

/** A digest of the same algorithm that differs in its last digit. */
const otherDigest = (digest: string): string => digest.slice(0, -1) + (digest.endsWith('0') ? '1' : '0');
