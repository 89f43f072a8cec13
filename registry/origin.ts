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

/** What the nearest proxy says: `Forwarded` (RFC 7239), else the `X-Forwarded-` headers. */
function forwardedOf(request: Request): Forwarded {
  const standard = request.headers.get('forwarded');
  if (standard !== null) {
    const fields = new Map(
      (standard.split(',')[0] ?? '').split(';').map((pair) => {
        const [key = '', ...value] = pair.split('=');
        return [
          key.trim().toLowerCase(),
          value
            .join('=')
            .trim()
            .replace(/^"(.*)"$/, '$1'),
        ] as const;
      }),
    );
    return clean({ proto: fields.get('proto'), host: fields.get('host'), client: fields.get('for') });
  }
  const first = (name: string): string | undefined => request.headers.get(name)?.split(',')[0]?.trim();
  return clean({
    proto: first('x-forwarded-proto'),
    host: first('x-forwarded-host'),
    client: first('x-forwarded-for'),
  });
}

/** Keeps what is a scheme, a host, an address, and nothing else: these end up in URLs and logs. */
function clean(raw: {
  proto: string | undefined;
  host: string | undefined;
  client: string | undefined;
}): Forwarded {
  const proto = raw.proto?.toLowerCase();
  return {
    ...(proto === 'http' || proto === 'https' ? { proto } : {}),
    ...(raw.host !== undefined && /^[\w.-]+(?::\d+)?$|^\[[\da-f:.]+\](?::\d+)?$/i.test(raw.host)
      ? { host: raw.host }
      : {}),
    ...(raw.client !== undefined && /^[\w.:[\]-]{1,64}$/.test(raw.client) ? { client: raw.client } : {}),
  };
}
