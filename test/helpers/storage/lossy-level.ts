import { MemoryLevel } from 'memory-level';
import { LevelRecords, type Database } from '../../../registry/storage/level-records.js';
import { LEVEL_ENCODINGS } from '../../../registry/storage/open-level.js';
import type { Random } from './random.js';
import type { Steps } from './steps.js';

interface Change {
  readonly type: 'put' | 'del';
  readonly key: string;
  readonly value?: Uint8Array;
}

interface Batch {
  readonly changes: readonly Change[];
  durable: boolean;
}

/**
 * What LevelDB has on its medium: batches in log files. A synced batch makes all before it durable that is in the same
 * log file; the end of a file that LevelDB has left for the next one may be lost while that is durable. What is not
 * durable may be lost in part, whole batches each time.
 */
export class LossyLevel {
  readonly #steps: Steps;
  readonly #random: Random;
  #batches: Batch[] = [];
  /** Where the log file that is written to begins. */
  #file = 0;

  constructor(steps: Steps, random: Random) {
    this.#steps = steps;
    this.#random = random;
  }

  /** Opens the records as a new process would. */
  async open(): Promise<LevelRecords> {
    return new LevelRecords(await this.#database(), {
      reopen: () => this.#database(),
      flush: () =>
        this.#steps.run((effect) => {
          if (effect === 'all') for (const batch of this.#batches) batch.durable = true;
        }),
    });
  }

  losePower(): void {
    const survival = this.#random.pick(['nothing', 'everything', 'beginning', 'anything'] as const);
    let cut = this.#random.below(this.#batches.length + 1);
    this.#batches = this.#batches.filter((batch) => {
      if (batch.durable) return true;
      return {
        nothing: () => false,
        everything: () => true,
        beginning: () => cut-- > 0,
        anything: () => this.#random.chance(0.5),
      }[survival]();
    });
  }

  /** Reads the log, which makes what it finds durable. */
  async #database(): Promise<Database> {
    await this.#steps.wait();
    for (const batch of this.#batches) batch.durable = true;
    const db = new MemoryLevel<string, Uint8Array>({ storeEncoding: 'view', ...LEVEL_ENCODINGS });
    await db.open();
    const apply = db.batch.bind(db) as unknown as (changes: readonly Change[]) => Promise<void>;
    for (const { changes } of this.#batches) await apply(changes);
    const batch = async (changes: readonly Change[], { sync }: { sync: boolean }): Promise<void> => {
      await this.#steps.run((effect) => {
        if (this.#random.chance(0.1)) this.#file = this.#batches.length;
        // A record that is written in part is no record.
        if (effect !== 'all') return;
        this.#batches.push({ changes, durable: false });
        if (sync) for (const written of this.#batches.slice(this.#file)) written.durable = true;
      });
      await apply(changes);
    };
    return Object.assign(db, { batch });
  }
}
