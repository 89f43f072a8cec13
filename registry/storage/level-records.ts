import type { AbstractLevel } from 'abstract-level';
import { OciError } from '../../oci/index.js';
import {
  sameValue,
  type CommitOptions,
  type Operation,
  type Precondition,
  type RangeOptions,
  type Records,
} from './records.js';

/** Any abstract-level database with text keys and byte values. */
export type Database = AbstractLevel<string | Buffer | Uint8Array, string, Uint8Array>;

interface Waiting {
  readonly operations: readonly Operation[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const NO_SPACE = /No space left|ENOSPC|EDQUOT|Disk quota/i;

/**
 * Records over LevelDB or memory-level. A commit checks its preconditions and claims its keys in one turn of the event
 * loop, so commits on other keys never wait for it. Synced commits that arrive while one is on its way to disk go
 * together in the next batch: one fsync serves them all.
 */
export class LevelRecords implements Records {
  #db: Database;
  readonly #reopen: (() => Promise<Database>) | undefined;
  /** Keys of commits on their way, each with the promise of its end. */
  readonly #claimed = new Map<string, Promise<unknown>>();
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #broken: unknown;
  #closed = false;

  /** @param reopen makes a fresh database after a failed write, for engines that refuse to go on after one */
  constructor(db: Database, reopen?: () => Promise<Database>) {
    this.#db = db;
    this.#reopen = reopen;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#check();
    return await this.#db.get(key);
  }

  async range(options: RangeOptions): Promise<readonly (readonly [string, Uint8Array])[]> {
    this.#check();
    return await this.#db.iterator(bounds(options)).all();
  }

  async keys(options: RangeOptions): Promise<readonly string[]> {
    this.#check();
    return await this.#db.keys(bounds(options)).all();
  }

  async commit(
    operations: readonly Operation[],
    preconditions: readonly Precondition[] = [],
    { sync = true }: CommitOptions = {},
  ): Promise<boolean> {
    this.#check();
    await this.#free(operations, preconditions);
    // No await from here until the keys are claimed: nothing can come between the check and the claim.
    if (!preconditions.every((precondition) => this.#holds(precondition))) return false;
    if (operations.length === 0) return true;
    const done = sync ? this.#enqueue(operations) : this.#write(operations, false);
    for (const { key } of operations) this.#claimed.set(key, done);
    try {
      await done;
    } finally {
      for (const { key } of operations) {
        if (this.#claimed.get(key) === done) this.#claimed.delete(key);
      }
    }
    return true;
  }

  async *entries(): AsyncGenerator<readonly [string, Uint8Array]> {
    this.#check();
    // An iterator reads from the snapshot taken when it was made.
    yield* this.#db.iterator();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#claimed.values());
    await this.#db.close();
  }

  #check(): void {
    if (this.#closed) throw new OciError('STORE_CLOSED', 'the store is closed');
  }

  /** Waits until no commit on its way touches these keys. */
  async #free(operations: readonly Operation[], preconditions: readonly Precondition[]): Promise<void> {
    for (;;) {
      if (this.#broken !== undefined) await this.#recover();
      const busy: Promise<unknown>[] = [];
      if (this.#claimed.size > 0) {
        for (const { key } of [...operations, ...preconditions]) {
          const claim = this.#claimed.get(key);
          if (claim !== undefined) busy.push(claim);
        }
      }
      if (busy.length === 0) {
        this.#check();
        return;
      }
      await Promise.allSettled(busy);
    }
  }

  #holds(precondition: Precondition): boolean {
    const value = this.#db.getSync(precondition.key);
    if ('present' in precondition) return value !== undefined;
    return sameValue(value, precondition.value);
  }

  #enqueue(operations: readonly Operation[]): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ operations, resolve, reject }));
    this.#flushing ??= this.#flush();
    return done;
  }

  async #flush(): Promise<void> {
    // Lets commits of the same turn join the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(
          group.flatMap(({ operations }) => operations),
          true,
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#flushing = undefined;
  }

  async #write(operations: readonly Operation[], sync: boolean): Promise<void> {
    const batch = operations.map((operation) =>
      operation.type === 'put'
        ? { type: 'put' as const, key: operation.key, value: operation.value }
        : { type: 'del' as const, key: operation.key },
    );
    try {
      await (this.#db.batch as (batch: unknown, options: { sync: boolean }) => Promise<void>).call(
        this.#db,
        batch,
        { sync },
      );
    } catch (cause) {
      // LevelDB's log is in an unknown state after a failed write: it must be read again before the next one.
      if (this.#reopen !== undefined) this.#broken ??= cause;
      const { message, cause: deeper } = cause as Error;
      const text = deeper instanceof Error ? `${message} ${deeper.message}` : message;
      if (NO_SPACE.test(text))
        throw new OciError('STORE_FULL', 'no space left on the device that holds the data', { cause });
      throw cause;
    }
  }

  #recovery: Promise<void> | undefined;

  #recover(): Promise<void> {
    this.#recovery ??= (async () => {
      try {
        await this.#flushing;
        await Promise.allSettled(this.#claimed.values());
        await this.#db.close();
        if (this.#reopen !== undefined) this.#db = await this.#reopen();
        this.#broken = undefined;
      } finally {
        this.#recovery = undefined;
      }
    })();
    return this.#recovery;
  }
}

/** Keys are ASCII, so the first key that no longer has the prefix is the prefix and a byte above ASCII. */
function bounds({ prefix, after, limit }: RangeOptions): { gt: string; lt: string; limit: number } {
  const gt = after !== undefined && after > prefix ? after : prefix;
  return { gt, lt: `${prefix}\u007F`, limit };
}
