import { OciError, quote, type CallOptions, type WireCode } from '../../oci/index.js';
import { responseError } from '../errors.js';
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
    accept,
    what,
    notFound,
    headers = {},
    ...rest
  }: Call): Promise<TransportResponse> {
    const url = new URL(path, `https://${this.registry}/`);
    const own = url.host === new URL(`${url.protocol}//${this.registry}`).host;
    const context: RequestContext = {
      ...(own ? { registry: this.registry } : {}),
      ...(this.#repository === undefined ? {} : { repository: this.#repository }),
      ...(scopes === undefined ? {} : { scopes }),
      ...(retry === undefined ? {} : { retry }),
    };
    const response = await this.#transport({ ...rest, url: url.href, headers, context });
    if (accept.includes(response.status)) return response;
    const { method } = rest;
    throw await responseError(response, what, { method, ...(notFound === undefined ? {} : { notFound }) });
  }

  /**
   * Where an answer of this registry leads, as a path for `call`.
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
    if (same && url.host !== new URL(response.url).host)
      throw new OciError('DENIED', `${this.registry} leads to another host, ${quote(url.host)}`);
    return url.href;
  }
}
