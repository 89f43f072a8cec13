import { OciError, streamOf, type ByteStream } from '../oci/index.js';
import type { Client } from './client.js';
import { webStream } from './drivers/web-stream.js';
import { redactUrl } from './redact.js';
import type { RequestBody, RequestContext, TransportResponse } from './transport.js';

/** As the global `fetch`, for URLs of registries. */
export type RegistryFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * A `fetch` that speaks to registries as the client does: with its credentials, retries, mirrors and limits. Each URL
 * counts as one of the registry on its host; HTTP or HTTPS is chosen as for references. A body that is a stream is sent
 * once: where a registry may want it again, give bytes or a `Blob`.
 * @returns what throws OciError where `fetch` would throw a TypeError: `NETWORK`, `DENIED`, `UNSUPPORTED` for a stream
 *   that is wanted again; the reason of the signal
 *
 * ```ts
 * const fetch = registryFetch(createClient({ keychain: defaultKeychain() }));
 * const response = await fetch('https://quay.io/v2/team/app/tags/list');
 * ```
 */
export function registryFetch({ transport }: Pick<Client, 'transport'>): RegistryFetch {
  return async (input, init = {}) => {
    const options: RequestInit & { duplex: 'half' } = { duplex: 'half', ...init };
    const request = new Request(input, options);
    const body = await bodyOf(request, init.body);
    const { method, url, redirect, signal } = request;
    const response = await transport({
      method,
      url,
      headers: Object.fromEntries(request.headers),
      ...(body === undefined ? {} : { body }),
      signal,
      context: {
        ...contextOf(method, new URL(url)),
        ...(redirect === 'follow' ? {} : { redirect: false }),
        ...(body instanceof OneTime ? { retry: false } : {}),
      },
    });
    if (redirect === 'error' && response.status >= 300 && response.status < 400) {
      await response.discard();
      throw new OciError(
        'DENIED',
        `${method} ${redactUrl(url)}: it leads elsewhere, which was not to be followed`,
      );
    }
    return await responseOf(response, method);
  };
}

/** What lies in memory, or can be read from where it lies, is sent as often as it takes. */
async function bodyOf(request: Request, given: unknown): Promise<RequestBody | undefined> {
  if (request.body === null) return undefined;
  if (given instanceof Blob) return { length: given.size, open: () => given.stream() };
  const inMemory =
    typeof given === 'string' ||
    given instanceof ArrayBuffer ||
    ArrayBuffer.isView(given) ||
    given instanceof URLSearchParams;
  if (!inMemory) return new OneTime(request.body, redactUrl(request.url));
  const bytes = new Uint8Array(await request.arrayBuffer());
  return { length: bytes.byteLength, open: () => streamOf(bytes) };
}

/** A body that is a stream of somebody else's. */
class OneTime implements RequestBody {
  readonly #url: string;
  #stream: ByteStream | undefined;

  constructor(stream: ByteStream, url: string) {
    this.#stream = stream;
    this.#url = url;
  }

  open(): ByteStream {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) return stream;
    throw new OciError(
      'UNSUPPORTED',
      `${this.#url}: the body is a stream, and the registry wants it once more: give bytes or a Blob`,
    );
  }
}

/** Whose URL it is, and what it takes to ask for it. */
function contextOf(method: string, url: URL): RequestContext {
  const { host, pathname, searchParams } = url;
  if (pathname === '/v2/_catalog') return { registry: host, scopes: ['registry:catalog:*'] };
  const [, repository] = /^\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)(?:\/|$)/.exec(pathname) ?? [];
  if (repository === undefined) return { registry: host };
  const reads = method === 'GET' || method === 'HEAD';
  const actions = reads ? 'pull' : method === 'DELETE' ? 'pull,push,delete' : 'pull,push';
  const from = searchParams.get('from');
  const mount = from === null ? [] : [`repository:${from}:pull`];
  return { registry: host, repository, scopes: [`repository:${repository}:${actions}`, ...mount] };
}

/** Statuses that have no body (Fetch, "null body status"). */
const BARE: ReadonlySet<number> = new Set([204, 205, 304]);

async function responseOf(response: TransportResponse, method: string): Promise<Response> {
  const { status, url } = response;
  const headers = new Headers();
  for (const name of response.headerNames()) headers.set(name, response.header(name) ?? '');
  const bare = method === 'HEAD' || BARE.has(status);
  if (bare) await response.discard();
  const body = bare ? null : webStream(response.body, () => response.discard());
  return Object.defineProperty(new Response(body, { status, headers }), 'url', { value: url });
}
