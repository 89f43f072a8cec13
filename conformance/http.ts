import { isObject, parseJson } from '../oci/index.js';
import { Failure } from './outcome.js';
import {
  resolveTarget,
  type HeaderList,
  type Wire,
  type WireBody,
  type WireRequest,
  type WireResponse,
} from './wire.js';

/** One entry of the error envelope (distribution-spec, "Error Codes"). */
export interface WireError {
  readonly code: string;
  readonly message?: string;
  readonly detail?: unknown;
}

export interface SendOptions {
  readonly headers?: NonNullable<WireRequest['headers']>;
  readonly body?: WireBody;
}

const SHOWN_BYTES = 600;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;

/** A request and its answer, as one thing to make claims about. */
export class Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
  readonly #request: WireRequest;
  readonly #origin: string;

  constructor(origin: string, request: WireRequest, response: WireResponse) {
    this.#origin = origin;
    this.#request = request;
    this.method = request.method;
    this.path = request.path;
    this.status = response.status;
    this.headers = response.headers;
    this.body = response.body;
  }

  /** Where the `Location` leads. */
  get location(): string | undefined {
    const location = this.headers.get('location');
    return location === undefined ? undefined : resolveTarget(this.#origin, this.path, location);
  }

  /** Where the `Link` with `rel="next"` leads (RFC 8288). */
  get next(): string | undefined {
    const match = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(this.headers.get('link') ?? '');
    return match?.[1] === undefined ? undefined : resolveTarget(this.#origin, this.path, match[1]);
  }

  /** The body as a JSON object, undefined when it is none. */
  get json(): Record<string, unknown> | undefined {
    try {
      const value = parseJson(this.body, 'answer');
      return isObject(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  /** Entries of the error envelope; none when the body has no envelope. */
  get errors(): readonly WireError[] {
    const errors = this.json?.errors;
    if (!Array.isArray(errors)) return [];
    return errors.filter((entry): entry is WireError => isObject(entry) && typeof entry.code === 'string');
  }

  /** `DELETE /v2/a/blobs/x answered 405 UNSUPPORTED` */
  get summary(): string {
    const codes = this.errors.map((error) => error.code).join(', ');
    return `${this.method} ${this.path} answered ${this.status}${codes === '' ? '' : ` ${codes}`}`;
  }

  /** Ends the test as failed, with the whole exchange in the message. */
  fail(problem: string): never {
    throw new Failure(`${problem}\n${this.describe()}`);
  }

  /** The exchange as text. Credentials and long bodies are left out. */
  describe(): string {
    const sent = Object.entries(this.#request.headers ?? {}).map(
      ([name, value]) =>
        `> ${name}: ${name.toLowerCase() === 'authorization' ? '(not shown)' : String(value)}`,
    );
    const got = this.headers.entries.map(([name, value]) => `< ${name}: ${value}`);
    const text = Buffer.from(this.body.subarray(0, SHOWN_BYTES)).toString('utf8');
    const isText = !/[^\t\n\r\u0020-\uFFFC]/.test(text);
    const rest = this.body.byteLength > SHOWN_BYTES ? ` … (${this.body.byteLength} bytes)` : '';
    const body = this.body.byteLength === 0 ? [] : [isText ? text + rest : `(${this.body.byteLength} bytes)`];
    return [`> ${this.method} ${this.path}`, ...sent, `< ${this.status}`, ...got, ...body].join('\n');
  }
}

/** Sends requests, follows redirects, and checks in every answer what holds for all of them. */
export class Http {
  readonly #wire: Wire;
  readonly #signal: AbortSignal;
  readonly #timeout: number;

  constructor(wire: Wire, signal: AbortSignal, timeout: number) {
    this.#wire = wire;
    this.#signal = signal;
    this.#timeout = timeout;
  }

  get origin(): string {
    return this.#wire.origin;
  }

  async send(method: string, path: string, options: SendOptions = {}): Promise<Exchange> {
    let target = path;
    for (let hop = 0; ; hop++) {
      const exchange = await this.#once({ method, path: target, ...options });
      const { location } = exchange;
      if (!REDIRECTS.has(exchange.status) || location === undefined) return checked(exchange);
      // Only these may be repeated as they are (RFC 9110, 15.4).
      if (method !== 'GET' && method !== 'HEAD' && exchange.status < 307) return checked(exchange);
      if (hop === MAX_REDIRECTS) exchange.fail(`more than ${MAX_REDIRECTS} redirects`);
      target = location;
    }
  }

  async #once(request: WireRequest): Promise<Exchange> {
    const limit = AbortSignal.timeout(this.#timeout);
    const signal = AbortSignal.any([this.#signal, limit]);
    signal.throwIfAborted();
    try {
      const response = await raceAbort(this.#wire({ ...request, signal }), signal);
      return new Exchange(this.#wire.origin, request, response);
    } catch (error) {
      this.#signal.throwIfAborted();
      const reason = limit.aborted ? `no answer within ${this.#timeout / 1000} s` : messageOf(error);
      throw new Failure(`${request.method} ${request.path}: ${reason}`, { cause: error });
    }
  }
}

/** A wire in this process may not heed its signal. */
async function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

/** What the spec asks of every answer: the error envelope ("Error Codes") and warnings ("Warnings"). */
function checked(exchange: Exchange): Exchange {
  const { status, headers, method, body } = exchange;
  for (const warning of headers.all('warning')) {
    if (!/^299 - "(?:[^"\\]|\\.)*"/.test(warning)) exchange.fail('expected warnings as 299 - "text"');
  }
  const isJson = /^application\/(?:[\w.+-]*\+)?json\b/i.test(headers.get('content-type') ?? '');
  if (status < 400 || status > 499 || method === 'HEAD' || !isJson || body.byteLength === 0) return exchange;
  const list = exchange.json?.errors;
  const isEnvelope =
    Array.isArray(list) &&
    list.length > 0 &&
    exchange.errors.length === list.length &&
    exchange.errors.every((error) => /^[A-Z]+(?:_[A-Z]+)*$/.test(error.code));
  if (!isEnvelope)
    exchange.fail('expected the JSON of an error to be {"errors": [{"code": "UPPER_CASE", …}]}');
  return exchange;
}
