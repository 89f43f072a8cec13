import { OciError } from '../oci/index.js';
import { hostnameOf, isLoopback, isSiteLocal } from './addresses.js';
import { redactUrl } from './redact.js';

/** Which hosts are meant: all or none, or those that a function accepts; it gets `host[:port]`. */
export type Hosts = boolean | ((host: string) => boolean);

/** Where plain HTTP may be spoken. */
export interface PlainHttpOptions {
  /**
   * Hosts that may be asked over plain HTTP when HTTPS fails, besides loopback, `*.local` and private addresses.
   * Default none.
   */
  readonly plainHttp?: Hosts;
  /** Hosts that get credentials over plain HTTP, besides loopback. Default none. */
  readonly plainCredentials?: Hosts;
}

/** True for a host that is meant. */
export const includes = (hosts: Hosts | undefined, host: string): boolean =>
  typeof hosts === 'function' ? hosts(host) : hosts === true;

/** The schemes to try for a registry, in their order. */
export function schemesFor(host: string, { plainHttp }: PlainHttpOptions): readonly ('http:' | 'https:')[] {
  const name = hostnameOf(host);
  if (isLoopback(name)) return ['http:', 'https:'];
  if (isSiteLocal(name) || includes(plainHttp, host)) return ['https:', 'http:'];
  return ['https:'];
}

/**
 * Checks that credentials may be sent there: over HTTPS anywhere, over plain HTTP to loopback or where it is allowed.
 * @throws OciError `DENIED`
 */
export function checkCarriage(url: string, { plainCredentials }: PlainHttpOptions): void {
  const { protocol, hostname, host } = new URL(url);
  if (protocol === 'https:' || isLoopback(hostname) || includes(plainCredentials, host)) return;
  throw new OciError(
    'DENIED',
    `credentials are not sent to ${redactUrl(url)} over plain HTTP, where anybody on the way can read them: ` +
      `serve ${host} over HTTPS, or allow it`,
    { detail: { url: redactUrl(url) } },
  );
}
