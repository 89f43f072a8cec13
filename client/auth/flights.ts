interface Flight<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

/**
 * One run of a task for all who want the same at the same time. Each may leave by its own signal; the task is aborted
 * when nobody waits for it any more.
 */
export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Joins the task under way for `key`, or starts it.
   * @throws what the task throws; the reason of the signal
   */
  async join(key: string, task: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, task);
    flight.waiting++;
    try {
      return await (signal === undefined ? flight.result : orAborted(flight.result, signal));
    } finally {
      flight.waiting--;
      if (flight.waiting === 0) {
        this.#end(key, flight);
        flight.abort.abort();
      }
    }
  }

  #start(key: string, task: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController();
    const flight: Flight<T> = { result: task(abort.signal), abort, waiting: 0 };
    this.#flights.set(key, flight);
    const end = (): void => this.#end(key, flight);
    flight.result.then(end, end);
    return flight;
  }

  #end(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}

/** The result, unless the signal comes first. */
async function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    // The reason of a signal is whatever its owner chose, and passes through unchanged.
    leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave);
  }
}
