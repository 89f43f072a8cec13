/** Something of which there is so much: whoever wants more than is left waits, first come, first served. */
export class Budget {
  readonly #size: number;
  #left: number;
  readonly #waiting: { readonly amount: number; readonly go: () => void }[] = [];

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /**
   * Resolves when the amount is there, with what gives it back. More than there is at all is all there is: it waits for
   * everybody else to be done.
   */
  async take(amount: number): Promise<() => void> {
    const taken = Math.min(amount, this.#size);
    if (this.#waiting.length > 0 || taken > this.#left)
      await new Promise<void>((go) => this.#waiting.push({ amount: taken, go }));
    else this.#left -= taken;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#left += taken;
      this.#serve();
    };
  }

  #serve(): void {
    for (
      let [first] = this.#waiting;
      first !== undefined && first.amount <= this.#left;
      [first] = this.#waiting
    ) {
      this.#left -= first.amount;
      this.#waiting.shift();
      first.go();
    }
  }
}
