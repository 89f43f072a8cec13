/** What a suite has opened, closed again in reverse order. */
export class Teardown {
  readonly #closers: (() => Promise<unknown>)[] = [];

  /** Remembers how to close something. */
  add(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /**
   * Closes everything, also when something fails to close.
   * @throws AggregateError of the failures
   */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some things did not close');
  }
}
