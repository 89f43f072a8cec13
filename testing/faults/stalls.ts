/** Requests that wait for nothing. They hold no timer, so that they keep no process alive. */
export class Stalls {
  readonly #held = new Set<(released: boolean) => void>();
  #closed = false;

  /**
   * Waits.
   * @param gone ends the wait when the other side has left
   * @returns true when it was released; false when it is over
   */
  async wait(gone: AbortSignal): Promise<boolean> {
    if (this.#closed || gone.aborted) return false;
    return await new Promise<boolean>((resolve) => {
      const end = (released: boolean): void => {
        this.#held.delete(end);
        gone.removeEventListener('abort', leave);
        resolve(released);
      };
      const leave = (): void => end(false);
      this.#held.add(end);
      gone.addEventListener('abort', leave);
    });
  }

  /** Lets all go on that wait now; returns how many. */
  release(): number {
    const held = [...this.#held];
    for (const end of held) end(true);
    return held.length;
  }

  /** Ends all that wait, and whoever comes later at once. */
  close(): void {
    this.#closed = true;
    for (const end of this.#held) end(false);
  }
}
