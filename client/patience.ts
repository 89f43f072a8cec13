import { backOff, isPassing } from './passing.js';
import type { RetryOptions } from './layers/retry.js';
import { sleep as wait } from './layers/sleep.js';
import { responseDetail } from './errors.js';

/** Failures of one piece of work that is gone on with: so many are borne without a gain between them. */
export class Patience {
  readonly #options: RetryOptions;
  #failures = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Something was gained: failures count from the start again. */
  gain(): void {
    this.#failures = 0;
  }

  /**
   * Waits before the next attempt: as the registry asks, else longer with each failure.
   * @throws the error itself, when it will not pass or there were too many; the reason of the signal
   */
  async bear(error: unknown, signal?: AbortSignal): Promise<void> {
    const { attempts = 4, retryAfterCap = 60_000, sleep = wait } = this.#options;
    this.#failures++;
    if (this.#failures >= attempts || !isPassing(error)) throw error;
    const asked = responseDetail(error)?.retryAfter;
    const delay =
      asked === undefined ? backOff(this.#failures, this.#options) : Math.min(retryAfterCap, asked);
    await sleep(delay, signal);
  }
}
