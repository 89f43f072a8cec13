import { OciError, quote } from '../../oci/index.js';
import { isLoopback } from '../addresses.js';
import { leadsInside } from '../layers/redirect.js';
import { redactUrl } from '../redact.js';

/**
 * Checks where a registry sends its clients for tokens: HTTPS, unless the registry itself speaks HTTP or is on
 * loopback; no credentials in it; and no internal address on another host, unless the registry has such an address too.
 * @param from where the challenge came from
 * @throws OciError `DENIED`
 */
export function checkRealm(realm: string, from: string): URL {
  const registry = new URL(from);
  const refused = (why: string): OciError =>
    new OciError('DENIED', `${registry.host} sends clients to a token endpoint that is refused: ${why}`, {
      detail: { registry: registry.host },
    });
  if (!URL.canParse(realm)) throw refused(`${quote(realm)} is no URL`);
  const url = new URL(realm);
  const shown = redactUrl(realm);
  const plain = registry.protocol === 'http:' || isLoopback(registry.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && plain))
    throw refused(`${shown} is not HTTPS`);
  if (url.username !== '' || url.password !== '') throw refused(`${shown} has credentials in it`);
  if (leadsInside(url, registry)) throw refused(`${shown} is an internal address`);
  return url;
}
