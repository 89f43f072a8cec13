import { setImmediate } from 'node:timers/promises';
import type { Random } from './random.js';

/** What happens at one step. `fail`: that step fails, later ones work. `die`: the process ends in that step. */
export type Fate = 'fail' | 'die';

/** Thrown by whatever a process that has ended still tries. */
export class Died extends Error {
  constructor() {
    super('the process has ended');
  }
}

/** How much of an operation takes effect. */
export type Effect = 'none' | 'part' | 'all';

/**
 * Counts the operations that change a medium, and makes one of them fail or be the last. How much of that one still
 * takes effect is up to chance.
 */
export class Steps {
  readonly #random: Random;
  #count = 0;
  #plan: { readonly at: number; readonly fate: Fate; readonly error: () => Error } | undefined;
  #dead = false;
  #hit = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Operations so far. */
  get count(): number {
    return this.#count;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** True when the planned step was reached. */
  get hit(): boolean {
    return this.#hit;
  }

  /** Counts from 1 again, in a new process if there was one before. @param error what a step that fails throws */
  arm(at: number, fate: Fate, error: () => Error = () => new Died()): void {
    this.#count = 0;
    this.#hit = false;
    this.#dead = false;
    this.#plan = { at, fate, error };
  }

  /** Nothing goes wrong from here on; a new process may go on with the medium. */
  disarm(): void {
    this.#plan = undefined;
    this.#dead = false;
  }

  /** The process ends now. */
  die(): void {
    this.#dead = true;
  }

  /** Every operation takes time, and none is done by a process that has ended. */
  async wait(): Promise<void> {
    await setImmediate();
    if (this.#dead) throw new Died();
  }

  /** Runs an operation that changes the medium. @param apply told how much takes effect, and whether the medium fails */
  async run(apply: (effect: Effect, fails: boolean) => void): Promise<void> {
    await this.wait();
    this.#count++;
    if (this.#plan === undefined || this.#plan.at !== this.#count) {
      apply('all', false);
      return;
    }
    this.#hit = true;
    const { fate, error } = this.#plan;
    apply(this.#random.pick(['none', 'part', 'all']), fate === 'fail');
    if (fate === 'die') this.#dead = true;
    throw fate === 'die' ? new Died() : error();
  }
}
