import { OciError } from '../oci/index.js';
import { errorResponse } from '../registry/errors.js';
import { RateLimit } from '../registry/rate-limit.js';
import { Check } from './check.js';
import type { RequestFacts } from './requests/operations.js';

/** Requests that all clients together may send. */
export interface RateLimitOptions {
  /** More than 0. */
  readonly perSecond: number;
  /** How many may come at once. Default: as many as in a second. */
  readonly burst?: number;
}

const WRITES: ReadonlySet<string> = new Set(['PUT', 'POST', 'PATCH', 'DELETE']);

/** What can be switched while a registry runs. */
export class Switches {
  readonly #now: () => number;
  #readOnly = false;
  #limit: RateLimit | undefined;

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  readOnly(on: boolean): void {
    this.#readOnly = on;
  }

  /** @throws OciError `INVALID_OPTION` */
  rateLimit(limit: RateLimitOptions | undefined): void {
    if (limit === undefined) {
      this.#limit = undefined;
      return;
    }
    const check = new Check('rateLimit');
    check.keys('it', limit, ['perSecond', 'burst']);
    const { perSecond, burst = perSecond } = limit;
    for (const [name, value] of Object.entries({ perSecond, burst }))
      if (!(Number.isFinite(value) && value > 0))
        check.fail(`${name} is ${String(value)}, expected more than 0`);
    this.#limit = new RateLimit({ perSecond, burst }, this.#now);
  }

  /** What a request is refused with; undefined when it may pass. */
  refusal({ method, path }: RequestFacts): Response | undefined {
    const wait = this.#limit?.take('') ?? 0;
    if (wait > 0) {
      const error = new OciError('TOOMANYREQUESTS', `too many requests: try again in ${wait} s`);
      return errorResponse(error, { 'retry-after': String(wait) });
    }
    if (this.#readOnly && WRITES.has(method) && path.startsWith('/v2/'))
      return errorResponse(new OciError('DENIED', 'the registry is read-only'));
    return undefined;
  }
}
