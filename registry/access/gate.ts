import { OciError } from '../../oci/index.js';

/** Lets so many pieces of work go on at once; so many others wait in order, and those beyond are refused. */
export class Gate {
  #free: number;
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number, places = Infinity) {
    this.#free = width;
    this.#places = places;
  }

  /** @throws OciError `TOOMANYREQUESTS` when too many wait: the work has not begun then */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#places)
      throw new OciError('TOOMANYREQUESTS', 'too many requests at once: try again in a second');
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
