/** So many may be in at once; the others wait, first come, first served. */
export class Slots {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  /**
   * Waits for a slot.
   * @returns what gives it back; a second call does nothing
   * @throws the reason of the signal
   */
  async take(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      this.#giveBack();
    };
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(enter);
        // The reason of a signal is whatever its owner chose, and passes through unchanged.
        reject(signal?.reason as Error);
      };
      this.#waiting.add(enter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /** The slot goes straight to whoever waits longest. */
  #giveBack(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(first);
    first();
  }
}
