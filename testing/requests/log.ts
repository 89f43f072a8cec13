import { OciError } from '../../oci/index.js';
import { createMatcher, type RequestMatch } from './match.js';
import type { RequestFacts } from './operations.js';

/** A request that was answered, or that a fault struck. */
export interface LoggedRequest extends RequestFacts {
  /** Counts requests by when they came, from 1; the log holds them by when they were answered. */
  readonly n: number;
  /** The digest in the path or in the query of an upload, or else the one that the answer named. */
  readonly digest?: string;
  /** When it came, in milliseconds since the epoch. */
  readonly time: number;
  /** 1 for the first request with this method, operation, repository and digest (or else reference), then 2. */
  readonly attempt: number;
  /** As sent, names in lower case; of credentials only the scheme is kept. */
  readonly headers: Readonly<Record<string, string>>;
  /** The status of the answer; 0 while, or if, there is none. */
  readonly status: number;
  /** Body bytes that the registry took in. */
  readonly received: number;
  /** Body bytes of the answer; when a fault changed the answer, those that were handed over. */
  readonly sent: number;
  readonly user?: string;
  /** The name of the fault rule that struck. */
  readonly faulted?: string;
}

/** Which logged requests are meant: a match that also knows how they ended, or a function. */
export type RequestFilter =
  | (RequestMatch & {
      readonly status?: number;
      /** True or false, or the name of a rule. */
      readonly faulted?: boolean | string;
    })
  | ((request: LoggedRequest) => boolean);

/** What a registry was asked, in the order of its answers. */
export interface RequestLog extends Iterable<LoggedRequest> {
  readonly length: number;
  filter(filter: RequestFilter): LoggedRequest[];
  /** How many there are; all without a filter. */
  count(filter?: RequestFilter): number;
  /** Forgets everything but who waits; attempts count from 1 again. */
  clear(): void;
  /**
   * The first request of the log that fits, as soon as there is one. It is in the log before its client has the answer.
   * @throws the reason of `signal`; OciError `ABORTED` when the registry is closed
   */
  waitFor(filter: RequestFilter, options?: { readonly signal?: AbortSignal }): Promise<LoggedRequest>;
}

/** How a request went on, as far as it is known. */
export type Outcome = Partial<
  Pick<LoggedRequest, 'status' | 'received' | 'sent' | 'user' | 'faulted' | 'digest'>
>;

/** A request under way. */
export interface Visit {
  readonly facts: RequestFacts;
  /** Logs the request, or what more is known of it. */
  note(outcome: Outcome): void;
}

type Entry = { -readonly [K in keyof LoggedRequest]: LoggedRequest[K] };

interface Waiter {
  readonly fits: (request: LoggedRequest) => boolean;
  readonly resolve: (request: LoggedRequest) => void;
  readonly reject: (reason: unknown) => void;
}

/** The log, and how it is written. */
export class RequestRecorder implements RequestLog {
  readonly #now: () => number;
  readonly #attempts = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();
  #entries: Entry[] = [];
  #arrived = 0;
  #closed = false;

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  get length(): number {
    return this.#entries.length;
  }

  [Symbol.iterator](): Iterator<LoggedRequest> {
    return this.#entries[Symbol.iterator]();
  }

  filter(filter: RequestFilter): LoggedRequest[] {
    return this.#entries.filter(compile(filter));
  }

  count(filter: RequestFilter = {}): number {
    return this.filter(filter).length;
  }

  clear(): void {
    this.#entries = [];
    this.#attempts.clear();
  }

  async waitFor(
    filter: RequestFilter,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<LoggedRequest> {
    signal?.throwIfAborted();
    const fits = compile(filter);
    const found = this.#entries.find(fits);
    if (found !== undefined) return found;
    if (this.#closed) throw closedError();
    const { promise, ...ends } = withResolvers<LoggedRequest>();
    const waiter: Waiter = { fits, ...ends };
    const abort = (): void => waiter.reject(signal?.reason);
    this.#waiters.add(waiter);
    signal?.addEventListener('abort', abort);
    try {
      return await promise;
    } finally {
      this.#waiters.delete(waiter);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** A request has come. It shows in the log when it is first noted. */
  arrive(facts: RequestFacts, headers: Headers): Visit {
    const key = [
      facts.method,
      facts.operation,
      facts.repository,
      facts.digest ?? facts.reference ?? facts.path,
    ];
    const attempt = (this.#attempts.get(key.join(' ')) ?? 0) + 1;
    this.#attempts.set(key.join(' '), attempt);
    const entry: Entry = {
      ...facts,
      n: ++this.#arrived,
      time: this.#now(),
      attempt,
      headers: redact(headers),
      status: 0,
      received: 0,
      sent: 0,
    };
    let noted = false;
    return {
      facts,
      note: (outcome) => {
        Object.assign(entry, outcome);
        if (!noted) this.#entries.push(entry);
        noted = true;
        for (const waiter of this.#waiters) if (waiter.fits(entry)) waiter.resolve(entry);
      },
    };
  }

  /** Nothing will come any more. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.reject(closedError());
  }
}

const closedError = (): OciError =>
  new OciError('ABORTED', 'the registry was closed before such a request was answered');

function compile(filter: RequestFilter): (request: LoggedRequest) => boolean {
  if (typeof filter === 'function') return filter;
  const fits = createMatcher(filter);
  const { status, faulted } = filter;
  return (request) =>
    fits(request) &&
    (status === undefined || request.status === status) &&
    (faulted === undefined ||
      (typeof faulted === 'string'
        ? request.faulted === faulted
        : (request.faulted !== undefined) === faulted));
}

/** Credentials do not belong into logs and snapshots; `Basic` or `Bearer` tells enough. */
function redact(headers: Headers): Record<string, string> {
  const shown = Object.fromEntries(headers);
  for (const name of ['authorization', 'proxy-authorization', 'cookie']) {
    const value = shown[name];
    if (value !== undefined) shown[name] = /^[\w-]+(?= )/.exec(value)?.[0] ?? '';
  }
  return shown;
}

/** What `Promise.withResolvers` does from Node 22 on. */
function withResolvers<T>(): Pick<Waiter, 'reject'> & {
  promise: Promise<T>;
  resolve: (value: T) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
