import { OciError } from '../oci/index.js';

/** What a test registry knows of time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits so many milliseconds; false when `gone` ended it before. */
  sleep(ms: number, gone: AbortSignal): Promise<boolean>;
}

/** The time of this machine. */
export const systemClock = (now: () => number = Date.now): Clock => ({
  now,
  sleep: (ms, gone) =>
    new Promise<boolean>((resolve) => {
      if (gone.aborted) return resolve(false);
      const end = (slept: boolean): void => {
        clearTimeout(timer);
        gone.removeEventListener('abort', leave);
        resolve(slept);
      };
      const leave = (): void => end(false);
      const timer = setTimeout(end, ms, true);
      gone.addEventListener('abort', leave);
    }),
});

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to go on: dates, token ends, latency and throughput follow it. */
export class TestClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  #time: number;

  /** @param start milliseconds since the epoch. Default: the first instant of 2026 */
  constructor(start: number = Date.UTC(2026, 0, 1)) {
    this.#time = start;
  }

  readonly now = (): number => this.#time;

  /** How many wait for it. */
  get waiting(): number {
    return this.#sleepers.size;
  }

  /**
   * Goes on by so many milliseconds, and wakes all whose time has come.
   * @throws OciError `INVALID_OPTION` for a step back
   */
  advance(ms: number): void {
    if (!(ms >= 0))
      throw new OciError('INVALID_OPTION', `a clock cannot go on by ${ms} ms: it knows no way back`);
    this.#time += ms;
    for (const sleeper of this.#sleepers) if (sleeper.until <= this.#time) sleeper.wake();
  }

  sleep(ms: number, gone: AbortSignal): Promise<boolean> {
    if (gone.aborted) return Promise.resolve(false);
    return new Promise<boolean>((resolve) => {
      const end = (slept: boolean): void => {
        this.#sleepers.delete(sleeper);
        gone.removeEventListener('abort', leave);
        resolve(slept);
      };
      const leave = (): void => end(false);
      const sleeper = { until: this.#time + ms, wake: () => end(true) };
      this.#sleepers.add(sleeper);
      gone.addEventListener('abort', leave);
    });
  }
}
