import { OciError, quote, type CallOptions, type WireCode } from '../../oci/index.js';
import { responseError } from '../errors.js';
import { leadsInside } from '../layers/redirect.js';
import { redactUrl } from '../redact.js';
import type { RequestBody, RequestContext, Transport, TransportResponse } from '../transport.js';

/** One request to a registry's API. */
export interface Call extends CallOptions {
  readonly method: string;
  /** Absolute, or below the root of the registry. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly scopes?: readonly string[];
  /** Statuses that are no error. */
  readonly accept: readonly number[];
  /** The operation and its subject, for messages. */
  readonly what: string;
  /** What a 404 without a code means. */
  readonly notFound?: WireCode;
  readonly retry?: boolean;
  readonly aside?: boolean;
  readonly whole?: number;
}

/** A registry, and perhaps one repository of it, as requests are addressed to it. */
export class Endpoint {
  readonly registry: string;
  readonly #transport: Transport;
  readonly #repository: string | undefined;

  constructor(transport: Transport, registry: string, repository?: string) {
    this.registry = registry;
    this.#transport = transport;
    this.#repository = repository;
  }

  /**
   * Sends a request to the registry; with an absolute URL to another host, without credentials.
   * @throws OciError of the registry's answer when its status is not accepted; what the transport throws
   */
  async call({
    path,
    scopes,
    retry,
    aside,
    whole,
    accept,
    what,
    notFound,
    headers = {},
    ...rest
  }: Call): Promise<TransportResponse> {
    const url = new URL(path, `https://${this.registry}/`);
    const context: RequestContext = {
      ...(this.owns(url) ? { registry: this.registry } : {}),
      ...(this.#repository === undefined ? {} : { repository: this.#repository }),
      ...(scopes === undefined ? {} : { scopes }),
      ...(retry === undefined ? {} : { retry }),
      ...(aside === undefined ? {} : { aside }),
      ...(whole === undefined ? {} : { whole }),
    };
    const response = await this.#transport({ ...rest, url: url.href, headers, context });
    if (accept.includes(response.status)) return response;
    const { method } = rest;
    throw await responseError(response, what, { method, ...(notFound === undefined ? {} : { notFound }) });
  }

  /** True for a URL on the registry's own host and port. */
  owns(url: URL): boolean {
    return url.host === new URL(`${url.protocol}//${this.registry}`).host;
  }

  /**
   * Reads from a URL that content names, with nobody's credentials.
   * @throws OciError `DENIED` for a URL that is no place for content; of the answer when it is not 200 or 206
   */
  async outside(
    target: string,
    call: Pick<Call, 'aside' | 'headers' | 'notFound' | 'what'> & CallOptions,
  ): Promise<TransportResponse> {
    const { what, notFound, headers = {}, aside = false, ...options } = call;
    const url = URL.canParse(target) ? new URL(target) : undefined;
    const home = new URL(`https://${this.registry}`);
    const web = url?.protocol === 'https:' || url?.protocol === 'http:';
    if (url === undefined || !web || url.username !== '' || url.password !== '' || leadsInside(url, home))
      throw new OciError('DENIED', `${what}: it is said to be at ${redactUrl(target)}, which is not asked`);
    const response = await this.#transport({
      method: 'GET',
      url: url.href,
      headers,
      context: { aside },
      ...options,
    });
    if (response.status === 200 || response.status === 206) return response;
    throw await responseError(response, what, {
      method: 'GET',
      ...(notFound === undefined ? {} : { notFound }),
    });
  }

  /**
   * Where an answer of this registry leads, as a path for `call`: not to an internal address on another host, unless
   * the registry has such an address too, nor from HTTPS to another host over plain HTTP.
   * @param same true: it must not leave the registry
   * @throws OciError `DENIED`, `UNKNOWN` for no URL
   */
  lead(
    response: TransportResponse,
    target: string,
    { same = false }: { readonly same?: boolean } = {},
  ): string {
    if (!URL.canParse(target, response.url))
      throw new OciError('UNKNOWN', `${this.registry} leads to ${quote(target)}, which is no URL`);
    const url = new URL(target, response.url);
    const from = new URL(response.url);
    const refused = (why: string): OciError =>
      new OciError('DENIED', `${this.registry} leads to ${redactUrl(url.href)}, which is not asked: ${why}`);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('it is not HTTPS');
    if (url.host === from.host || this.owns(url)) return url.href;
    if (same) throw refused('it is another host');
    if (url.protocol === 'http:' && from.protocol === 'https:') throw refused('it is not HTTPS');
    if (leadsInside(url, from)) throw refused('it is an internal address');
    return url.href;
  }
}
