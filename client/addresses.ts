import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const RFC1918 = new BlockList();
RFC1918.addSubnet('10.0.0.0', 8, 'ipv4');
RFC1918.addSubnet('172.16.0.0', 12, 'ipv4');
RFC1918.addSubnet('192.168.0.0', 16, 'ipv4');

/** Besides the two above: unspecified, shared (RFC 6598), link-local and unique local addresses. */
const INSIDE = new BlockList();
INSIDE.addSubnet('0.0.0.0', 8, 'ipv4');
INSIDE.addSubnet('100.64.0.0', 10, 'ipv4');
INSIDE.addSubnet('169.254.0.0', 16, 'ipv4');
INSIDE.addAddress('::', 'ipv6');
INSIDE.addSubnet('fc00::', 7, 'ipv6');
INSIDE.addSubnet('fe80::', 10, 'ipv6');

function listed(list: BlockList, hostname: string): boolean {
  const address = bare(hostname);
  const family = isIP(address);
  // A list of IPv4 addresses also knows those mapped into IPv6.
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** The address without the brackets that URLs put around IPv6. */
function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** The host without its port, in lower case: `Registry.example:5000` → `registry.example`. IPv6 keeps its brackets. */
export function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

/** True for names and addresses that cannot leave this machine: `localhost`, `*.localhost`, 127.0.0.0/8, ::1. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || listed(LOOPBACK, name);
}

/** True for hosts of a site's own network that need not have a certificate: `*.local` and the addresses of RFC 1918. */
export function isSiteLocal(hostname: string): boolean {
  return hostname.toLowerCase().endsWith('.local') || listed(RFC1918, hostname);
}

/**
 * True for a host that an answer from outside must not lead to: loopback, private, link-local and other addresses that
 * mean something else on every network. Names other than `localhost` are not looked up.
 */
export function isInternal(hostname: string): boolean {
  return isLoopback(hostname) || listed(RFC1918, hostname) || listed(INSIDE, hostname);
}
