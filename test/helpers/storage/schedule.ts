import { setImmediate } from 'node:timers/promises';
import type { Bytes } from '../../../registry/storage/bytes.js';
import type { Records } from '../../../registry/storage/records.js';
import type { Random } from './random.js';

/**
 * Lets operations of several tasks go on one at a time, in an order that a seed decides: every race that can be, comes
 * up for some seed, and again for the same one.
 */
export class Schedule {
  readonly #random: Random;
  #waiting: (() => void)[] = [];
  #running = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Runs tasks to their end. */
  async run<T>(tasks: readonly (() => Promise<T>)[]): Promise<PromiseSettledResult<T>[]> {
    this.#running = true;
    const over = new Set<number>();
    const results = tasks.map(async (task, at) => {
      try {
        await this.#turn();
        return await task();
      } finally {
        over.add(at);
      }
    });
    const all = Promise.allSettled(results);
    for (let idle = 0; over.size < tasks.length;) {
      await setImmediate();
      // Now and then two at once, so that they meet below the store as well.
      const next = this.#waiting.splice(
        this.#random.below(this.#waiting.length),
        this.#random.chance(0.3) ? 2 : 1,
      );
      for (const go of next) go();
      idle = next.length > 0 ? 0 : idle + 1;
      if (idle > 10_000) throw new Error('the tasks wait for one another');
    }
    this.#running = false;
    return await all;
  }

  /** The same records, whose calls wait for their turn. */
  records(records: Records): Records {
    return this.#gated(records, ['get', 'range', 'keys', 'commit', 'flush']);
  }

  /** The same bytes, whose calls wait for their turn. */
  bytes(bytes: Bytes): Bytes {
    return this.#gated(bytes, [
      'begin',
      'size',
      'append',
      'publish',
      'abort',
      'recall',
      'read',
      'open',
      'delete',
      'flush',
    ]);
  }

  #gated<T extends object>(driver: T, methods: readonly (keyof T)[]): T {
    const gated = Object.create(driver) as Record<keyof T, unknown>;
    const target = driver as Record<keyof T, unknown>;
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(driver)) as (keyof T)[]) {
      const method = target[name];
      if (name === 'constructor' || typeof method !== 'function') continue;
      const bound = method.bind(driver) as (...args: unknown[]) => unknown;
      gated[name] = methods.includes(name)
        ? async (...args: unknown[]): Promise<unknown> => {
            await this.#turn();
            return await bound(...args);
          }
        : bound;
    }
    return gated as T;
  }

  async #turn(): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
