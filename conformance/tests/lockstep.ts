/**
 * Two bodies that are sent at the same time, piece by piece in turn: whoever mixes two requests up, mixes these up.
 * A side that ends, or is not read any more, does not hold up the other; `release` says that a side was answered.
 */
export class Lockstep {
  readonly #sent: [number, number] = [0, 0];
  readonly #gone: [boolean, boolean] = [false, false];
  #waiting: (() => void)[] = [];

  /** The body of one side. Pieces must be small: they wait in buffers when nobody reads them. */
  body(side: 0 | 1, bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
    return { [Symbol.asyncIterator]: () => this.#pieces(side, bytes, size) };
  }

  /** Lets the other side go on alone. */
  release(side: 0 | 1): void {
    this.#gone[side] = true;
    this.#wake();
  }

  async *#pieces(side: 0 | 1, bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    this.#sent[side] = 0;
    try {
      for (let at = 0; at < bytes.byteLength; at += size) {
        while (!this.#isTurn(side)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        this.#sent[side]++;
        this.#wake();
        yield bytes.subarray(at, at + size);
      }
    } finally {
      this.release(side);
    }
  }

  #isTurn(side: 0 | 1): boolean {
    const other = side === 0 ? 1 : 0;
    return this.#gone[other] || this.#sent[other] >= this.#sent[side] + side;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
