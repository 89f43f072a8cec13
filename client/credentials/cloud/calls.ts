import { OciError, collect, isObject, quote, streamOf, type CallOptions } from '../../../oci/index.js';
import { isInternal, isLoopback } from '../../addresses.js';
import { undiciDriver } from '../../drivers/undici.js';
import { retry } from '../../layers/retry.js';
import { fold, type Transport } from '../../transport.js';
import type { Places } from '../docker-config-path.js';

/** How clouds are asked. */
export interface CloudOptions extends Places {
  /** What requests are sent with. Default: sockets, which are closed again at the end of a search. */
  readonly transport?: Transport;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Milliseconds that a service for machines may take, so that a laptop is not held up. Default 1 s. */
  readonly metadataTimeout?: number;
  /** Milliseconds that any other may take. Default 10 s. */
  readonly timeout?: number;
  /** Told of what is amiss and passed over, such as a pull secret that is not there. */
  readonly onWarning?: (text: string) => void;
}

/** One request. */
export interface Ask {
  /** Default GET, or POST with a body. */
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `application/x-www-form-urlencoded`. */
  readonly form?: Readonly<Record<string, string | undefined>>;
  /** Sent as it is. */
  readonly body?: string;
  /** True for the service that a cloud has for its machines: asked without a proxy and for a short time only. */
  readonly metadata?: boolean;
}

/** Longest answer in bytes. */
const ANSWER_LIMIT = 64 * 1024;

/** Asks the services of a cloud. Their answers are short, and what is sent is secret. */
export class Calls {
  readonly #options: CloudOptions;
  readonly #direct: Transport;
  readonly #proxied: Transport;
  readonly #close: () => Promise<void>;

  constructor(options: CloudOptions) {
    this.#options = options;
    const { transport, environment = process.env, metadataTimeout: connectTimeout = 1000 } = options;
    if (transport !== undefined) {
      this.#direct = this.#proxied = transport;
      this.#close = () => Promise.resolve();
      return;
    }
    const direct = undiciDriver({ environment: {}, connectTimeout });
    const proxied = undiciDriver({ environment });
    this.#direct = direct.transport;
    this.#proxied = fold(proxied.transport, [retry()]);
    this.#close = async () => void (await Promise.all([direct.close(), proxied.close()]));
  }

  /** Ends its connections. */
  close(): Promise<void> {
    return this.#close();
  }

  /**
   * The answer as text.
   * @throws OciError for an answer that is none, too long or too late, `DENIED` for a secret over plain HTTP; the reason
   *   of the signal
   */
  async text(ask: Ask, { signal }: CallOptions = {}): Promise<string> {
    const { url, metadata = false, headers = {} } = ask;
    const { hostname, host, protocol } = checkUrl(url);
    const near =
      isLoopback(hostname) || (metadata && (isInternal(hostname) || hostname.endsWith('.internal')));
    if (protocol !== 'https:' && !near)
      throw new OciError('DENIED', `${host} is not asked over plain HTTP: what is sent there is secret`);
    const { timeout = 10_000, metadataTimeout = 1000 } = this.#options;
    const limit = metadata ? metadataTimeout : timeout;
    const late = AbortSignal.timeout(limit);
    const body = bodyOf(ask);
    const form = ask.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    try {
      const response = await (metadata ? this.#direct : this.#proxied)({
        method: ask.method ?? (body === undefined ? 'GET' : 'POST'),
        url,
        headers: { accept: '*/*', ...form, ...headers },
        signal: signal === undefined ? late : AbortSignal.any([signal, late]),
        ...(body === undefined ? {} : { body: { length: body.byteLength, open: () => streamOf(body) } }),
      });
      const text = Buffer.from(await collect(response.body, ANSWER_LIMIT, `answer of ${host}`)).toString(
        'utf8',
      );
      if (response.status === 200) return text;
      throw new OciError('UNAUTHORIZED', `${host} answered ${response.status}: ${quote(text.trim(), 300)}`);
    } catch (error) {
      signal?.throwIfAborted();
      if (late.aborted)
        throw new OciError('NETWORK', `${host} did not answer within ${limit / 1000} s`, { cause: error });
      throw error;
    }
  }

  /** The answer as a JSON object. Throws as `text` does, and OciError `UNKNOWN` for another answer. */
  async json(ask: Ask, options: CallOptions = {}): Promise<Record<string, unknown>> {
    return parseObject(await this.text(ask, options), `the answer of ${new URL(ask.url).host}`);
  }
}

/**
 * Reads a JSON object; nothing of it stands in the message when it is none.
 * @throws OciError `UNKNOWN`
 */
export function parseObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What the parser says quotes the text, and the text may be secret.
  }
  if (isObject(value)) return value;
  throw new OciError('UNKNOWN', `${what} is not a JSON object`);
}

/**
 * A field that must be text.
 * @throws OciError `UNKNOWN`
 */
export function textOf(object: Readonly<Record<string, unknown>>, field: string, what: string): string {
  const value = object[field];
  if (typeof value === 'string' && value !== '') return value;
  throw new OciError('UNKNOWN', `${what} has no ${field}`);
}

function checkUrl(url: string): URL {
  if (URL.canParse(url)) return new URL(url);
  throw new OciError('INVALID_OPTION', `${quote(url)} is no URL`);
}

function bodyOf({ form, body }: Ask): Uint8Array | undefined {
  if (body !== undefined) return Buffer.from(body);
  if (form === undefined) return undefined;
  const fields = Object.entries(form).filter((field): field is [string, string] => field[1] !== undefined);
  return Buffer.from(new URLSearchParams(fields).toString());
}
