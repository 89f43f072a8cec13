import type { NodeBindings } from './call.js';
import type { ResolvedOptions } from './options.js';

/** Scheme and host of the registry as the client sees it. */
export function originOf(
  request: Request,
  node: NodeBindings | undefined,
  options: Pick<ResolvedOptions, 'publicUrl' | 'trustProxy'>,
): string {
  if (options.publicUrl !== undefined) return options.publicUrl;
  const url = new URL(request.url);
  const encrypted = node?.incoming !== undefined && 'encrypted' in node.incoming.socket;
  const proto = encrypted ? 'https' : url.protocol.replace(':', '');
  if (!options.trustProxy) return `${proto}://${url.host}`;
  const forwarded = forwardedOf(request);
  return `${forwarded.proto ?? proto}://${forwarded.host ?? url.host}`;
}

/** The address of the client, for logs and limits. */
export function clientOf(
  request: Request,
  node: NodeBindings | undefined,
  options: Pick<ResolvedOptions, 'trustProxy'>,
): string | undefined {
  const direct = node?.incoming?.socket.remoteAddress;
  return options.trustProxy ? (forwardedOf(request).client ?? direct) : direct;
}

interface Forwarded {
  readonly proto?: string;
  readonly host?: string;
  readonly client?: string;
}

/**
 * What proxies say: the `X-Forwarded-` headers, else `Forwarded` (RFC 7239). Each proxy adds to the end of a list, so
 * scheme and host of the outermost come first. The client is the last: what stands before it anybody may have sent.
 */
function forwardedOf(request: Request): Forwarded {
  const list = (name: string): string[] | undefined => request.headers.get(name)?.split(',');
  // A proxy that speaks the older headers passes on what a client wrote into the standard one.
  const older = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'].some((name) =>
    request.headers.has(name),
  );
  const standard = older ? undefined : list('forwarded')?.map(parseForwarded);
  if (standard !== undefined) {
    const outermost = standard[0];
    return clean({
      proto: outermost?.get('proto'),
      host: outermost?.get('host'),
      client: standard.at(-1)?.get('for'),
    });
  }
  return clean({
    proto: list('x-forwarded-proto')?.[0]?.trim(),
    host: list('x-forwarded-host')?.[0]?.trim(),
    client: list('x-forwarded-for')?.at(-1)?.trim(),
  });
}

/** The pairs of one element, as `for=192.0.2.1;proto=https`. */
function parseForwarded(element: string): ReadonlyMap<string, string> {
  const pairs = element.split(';').map((pair): [string, string] => {
    const [key = '', ...value] = pair.split('=');
    const text = value.join('=').trim();
    return [key.trim().toLowerCase(), text.replace(/^"(.*)"$/, '$1')];
  });
  return new Map(pairs);
}

/** Keeps what is a scheme, a host, an address, and nothing else: these end up in URLs and logs. */
function clean(raw: {
  proto: string | undefined;
  host: string | undefined;
  client: string | undefined;
}): Forwarded {
  const proto = raw.proto?.toLowerCase();
  // With the port that a connection happens to have every one of them would be another client.
  const client = raw.client?.replace(/^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/, '$1$2');
  return {
    ...(proto === 'http' || proto === 'https' ? { proto } : {}),
    ...(raw.host !== undefined && /^[\w.-]+(?::\d+)?$|^\[[\da-f:.]+\](?::\d+)?$/i.test(raw.host)
      ? { host: raw.host }
      : {}),
    ...(client !== undefined && /^[\w.:-]{1,64}$/.test(client) ? { client } : {}),
  };
}
