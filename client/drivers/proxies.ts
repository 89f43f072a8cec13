import { BlockList, isIP } from 'node:net';
import { OciError } from '../../oci/index.js';
import { isLoopback } from '../addresses.js';
import { redactUrl } from '../redact.js';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL, by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case; undefined for a
 * direct connection. Loopback is always direct. Where a web server runs us (`REQUEST_METHOD` is set), `HTTP_PROXY` in
 * capitals is not used: there it is a header that anybody can send.
 * @throws OciError `INVALID_OPTION` when the value is no URL of HTTP or HTTPS
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const read = (name: string): string | undefined =>
    environment[name.toLowerCase()] || environment[name] || undefined;
  const cgi = environment.REQUEST_METHOD !== undefined;
  const own =
    url.protocol === 'https:' ? read('HTTPS_PROXY') : cgi ? environment.http_proxy : read('HTTP_PROXY');
  const value = own || read('ALL_PROXY');
  if (!value || isLoopback(url.hostname) || isExcepted(url, read('NO_PROXY') ?? '')) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol === 'http:' || proxy?.protocol === 'https:') return proxy;
  throw new OciError('INVALID_OPTION', `proxy ${redactUrl(text)} is not valid: expected http://host:port`);
}

/** `NO_PROXY`: hosts with their subdomains, with a port or none, addresses, networks as 10.0.0.0/8, or `*`. */
function isExcepted(url: URL, list: string): boolean {
  const host = url.hostname.replaceAll(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inNetwork(entry, host);
  const [, bracketed, plain, wanted] = /^(?:\[([^\]]+)\]|([^:]*|.*:.*:.*))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain ?? entry;
  if (wanted !== undefined && wanted !== port) return false;
  if (isIP(host) !== 0 || isIP(name) !== 0) return name === host;
  const domain = name.replace(/^\*?\./, '');
  // A leading dot leaves out the domain itself, as in Go and curl before it.
  return host.endsWith(`.${domain}`) || (domain === name && host === name);
}

function inNetwork(entry: string, host: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const family = isIP(network);
  const size = Number(bits);
  if (family === 0 || isIP(host) === 0 || !/^\d+$/.test(bits) || size > (family === 4 ? 32 : 128))
    return false;
  const list = new BlockList();
  list.addSubnet(network, size, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6');
}
