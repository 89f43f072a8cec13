/** Bytes of a request. An iterable is iterated again when the request must be repeated with credentials. */
export type WireBody = Uint8Array | AsyncIterable<Uint8Array>;

export interface WireRequest {
  readonly method: string;
  /** Path and query as they go out, starting with `/`; or an absolute URL. */
  readonly path: string;
  /** A list of values is sent as one header line each, where the driver can. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes are sent with a `Content-Length`; an iterable without one, unless `headers` names it. */
  readonly body?: WireBody;
  readonly signal?: AbortSignal;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

/** The one thing tests speak through: a request in, a whole answer out. Redirects are not followed. */
export interface Wire {
  (request: WireRequest): Promise<WireResponse>;
  /** Where relative paths lead, as `http://127.0.0.1:5000`. */
  readonly origin: string;
  /** Requests go over a socket: paths arrive byte for byte, and `Expect: 100-continue` is waited for. */
  readonly isSocket: boolean;
  /** The same wire without its credentials, when it has any. */
  readonly anonymous?: Wire;
  /** Frees sockets. */
  close(): void;
}

/** Headers of an answer in the order they came; names are looked up in any case. */
export class HeaderList {
  readonly entries: readonly (readonly [name: string, value: string])[];

  constructor(entries: Iterable<readonly [string, string]>) {
    this.entries = [...entries];
  }

  /** All values, joined as HTTP allows; undefined when there is none. */
  get(name: string): string | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : values.join(', ');
  }

  /** The value of each line. A driver that cannot tell lines apart gives one joined value. */
  all(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    return this.entries.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
  }
}

/**
 * Where a `Location` or a link leads, seen from the request that was answered: a path when it is on `origin`,
 * else an absolute URL. A path is kept byte for byte.
 */
export function resolveTarget(origin: string, requestPath: string, location: string): string {
  if (location.startsWith('/') && !location.startsWith('//') && requestPath.startsWith('/')) return location;
  const target = new URL(location, new URL(requestPath, origin));
  return target.origin === new URL(origin).origin ? `${target.pathname}${target.search}` : target.href;
}

/** Adds parameters to a target and leaves those it has alone: they may be state of the registry. */
export function withQuery(target: string, parameters: Readonly<Record<string, string>>): string {
  const added = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  if (added.length === 0) return target;
  return `${target}${target.includes('?') ? '&' : '?'}${added.join('&')}`;
}
