import { OciError, type ByteStream } from '../../oci/index.js';
import type { NetworkDetail } from '../network-errors.js';
import { redactUrl } from '../redact.js';
import {
  withBody,
  type TransportLayer,
  type TransportRequest,
  type TransportResponse,
} from '../transport.js';

/** Runs something later, unless it is called off first. */
export type Timer = (run: () => void, milliseconds: number) => () => void;

/** How much silence is borne. */
export interface StallOptions {
  /** Milliseconds without a byte, in either direction. Default 60 s; 0: any silence is borne. */
  readonly stallTimeout?: number;
  /** Default the clock of this process. */
  readonly timer?: Timer;
}

/** A timer that keeps no process alive. */
const later: Timer = (run, milliseconds) => {
  const timer = setTimeout(run, milliseconds).unref();
  return () => clearTimeout(timer);
};

/**
 * Gives a request up when the other side stays silent: takes no bytes, does not answer, or stops in the middle of its
 * answer. The time that our own side needs, to make the bytes of a request or to use those of an answer, does not count.
 * @throws OciError `INVALID_OPTION`; for a request `NETWORK` with the reason `timeout`
 */
export function stall({ stallTimeout = 60_000, timer = later }: StallOptions = {}): TransportLayer {
  if (!(stallTimeout >= 0))
    throw new OciError('INVALID_OPTION', `stallTimeout is ${stallTimeout}, expected milliseconds or 0`);
  if (stallTimeout === 0) return (next) => next;
  return (next) => async (request) => {
    const watch = new Watch(request, stallTimeout, timer);
    const { body } = request;
    try {
      const response = await watch.during(() =>
        next({
          ...request,
          signal: watch.signal,
          ...(body === undefined ? {} : { body: { ...body, open: () => watch.outgoing(body.open()) } }),
        }),
      );
      return watched(response, watch);
    } catch (error) {
      watch.end();
      throw error;
    }
  };
}

function watched(response: TransportResponse, watch: Watch): TransportResponse {
  return withBody(response, {
    body: watch.incoming(response.body),
    async discard() {
      try {
        await response.discard();
      } finally {
        watch.end();
      }
    },
  });
}

/** The clock of one request. It runs while the other side has something to do. */
class Watch {
  readonly #abort = new AbortController();
  readonly #request: TransportRequest;
  readonly #timeout: number;
  readonly #timer: Timer;
  #stop: (() => void) | undefined;
  #ended = false;

  constructor(request: TransportRequest, timeout: number, timer: Timer) {
    this.#request = request;
    this.#timeout = timeout;
    this.#timer = timer;
    const { signal } = request;
    if (signal?.aborted === true) this.#leave();
    else signal?.addEventListener('abort', this.#leave, { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Waits for the other side. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#start();
    try {
      return await wait();
    } finally {
      this.#pause();
    }
  }

  /** Bytes of a request: the clock rests while they are made. */
  async *outgoing(body: ByteStream): AsyncGenerator<Uint8Array> {
    this.#pause();
    try {
      for await (const chunk of body) {
        this.#start();
        yield chunk;
        this.#pause();
      }
    } finally {
      this.#start();
    }
  }

  /** Bytes of an answer: the clock rests while they are used. */
  async *incoming(body: ByteStream): AsyncGenerator<Uint8Array> {
    try {
      this.#start();
      for await (const chunk of body) {
        this.#pause();
        yield chunk;
        this.#start();
      }
    } finally {
      this.end();
    }
  }

  end(): void {
    this.#ended = true;
    this.#pause();
    this.#request.signal?.removeEventListener('abort', this.#leave);
  }

  #start(): void {
    this.#pause();
    if (this.#ended) return;
    this.#stop = this.#timer(() => this.#abort.abort(this.#error()), this.#timeout);
  }

  #pause(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  readonly #leave = (): void => this.#abort.abort(this.#request.signal?.reason);

  #error(): OciError {
    const { method, url } = this.#request;
    const detail: NetworkDetail = { reason: 'timeout', method, url: redactUrl(url) };
    const seconds = this.#timeout / 1000;
    return new OciError(
      'NETWORK',
      `${method} ${detail.url}: no byte came or went for ${seconds} s: is the registry overloaded, or the network down?`,
      { detail },
    );
  }
}
