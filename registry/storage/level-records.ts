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

/** Any abstract-level database with text keys and byte values, open. */
export type Database = AbstractLevel<string | Buffer | Uint8Array, string, Uint8Array>;

/** What an engine needs besides the database itself. */
export interface LevelOptions {
  /** Makes a fresh database after a failed write, for engines whose log must be read again then. */
  readonly reopen?: () => Promise<Database>;
  /** False while the medium has no room for that; the old database then goes on answering reads. */
  readonly room?: () => Promise<boolean>;
  /** Returns when all that was written is durable, for engines that leave parts of their log unsynced. */
  readonly flush?: () => Promise<void>;
}

interface Waiting {
  readonly operations: readonly Operation[];
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Bytes of values from which on a batch takes no further commit. */
const BATCH_BYTES = 4 * 1024 * 1024;

const NO_SPACE = /No space left|ENOSPC|EDQUOT|Disk quota/i;

/**
 * Records over LevelDB or memory-level. A commit checks its preconditions, claims its keys and joins the queue in one
 * turn of the event loop; the queue is written in order, one batch at a time. Commits that arrive while a batch is on
 * its way to disk go together in the next one, so that one fsync serves them all.
 */
export class LevelRecords implements Records {
  #db: Database;
  readonly #options: LevelOptions;
  /** Keys of commits on their way, each with the promise of its end. */
  readonly #claimed = new Map<string, Promise<void>>();
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  /** A write failed: LevelDB's log is in an unknown state, and must be read again before the next one. */
  #broken = false;
  #recovery: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(db: Database, options: LevelOptions = {}) {
    this.#db = db;
    this.#options = options;
  }

  async get(key: string, options: { readonly large?: boolean } = {}): Promise<Uint8Array | undefined> {
    // A small value is there in a microsecond; a trip through the thread pool takes twenty.
    return await this.#read(async (db) => (options.large === true ? await db.get(key) : db.getSync(key)));
  }

  async range(options: RangeOptions): Promise<readonly (readonly [string, Uint8Array])[]> {
    const { bytes: most } = options;
    if (most === undefined) return await this.#read((db) => db.iterator(bounds(options)).all());
    return await this.#read(async (db) => {
      const found: [string, Uint8Array][] = [];
      let bytes = 0;
      for await (const entry of db.iterator(bounds(options))) {
        found.push(entry);
        bytes += entry[1].byteLength;
        if (bytes >= most) break;
      }
      return found;
    });
  }

  async keys(options: RangeOptions): Promise<readonly string[]> {
    return await this.#read((db) => db.keys(bounds(options)).all());
  }

  async commit(
    operations: readonly Operation[],
    preconditions: readonly Precondition[] = [],
    { sync = true }: CommitOptions = {},
  ): Promise<boolean> {
    for (;;) {
      this.#check();
      if (this.#broken) await this.#recover();
      else {
        const busy = this.#busy([...operations, ...preconditions]);
        if (busy.length === 0) break;
        await Promise.allSettled(busy);
      }
    }
    // No await between the last look at the claims and the claim: nothing can come between.
    if (!preconditions.every((precondition) => this.#holds(precondition))) return false;
    if (operations.length === 0) return true;
    const done = this.#enqueue(operations, sync);
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

  async flush(): Promise<void> {
    this.#check();
    await this.#options.flush?.();
  }

  async *entries(): AsyncGenerator<readonly [string, Uint8Array]> {
    // An iterator reads from the snapshot taken when it was made.
    yield* await this.#read(async (db) => db.iterator());
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#flushing;
      await this.#recovery?.catch(() => undefined);
      await this.#db.close();
      await this.#options.flush?.();
    })();
    return this.#closing;
  }

  #check(): void {
    if (this.#closing !== undefined) throw new OciError('STORE_CLOSED', 'the store is closed');
  }

  /** Reads; once more when the database was closed meanwhile to be opened afresh. */
  async #read<T>(work: (db: Database) => Promise<T>): Promise<T> {
    for (;;) {
      this.#check();
      // A write that failed may show or not when the log is read again: until then nobody knows.
      const failure = this.#broken ? await this.#recover().catch((error: unknown) => error) : undefined;
      const db = this.#db;
      try {
        return await work(db);
      } catch (error) {
        this.#check();
        if (db.status === 'open' || (db === this.#db && !this.#broken)) throw error;
        if (failure !== undefined) throw failure;
      }
    }
  }

  /** Commits on their way that touch these keys. */
  #busy(touched: readonly { readonly key: string }[]): Promise<void>[] {
    if (this.#claimed.size === 0) return [];
    return touched.flatMap(({ key }) => this.#claimed.get(key) ?? []);
  }

  #holds(precondition: Precondition): boolean {
    const value = this.#db.getSync(precondition.key);
    if ('present' in precondition) return value !== undefined;
    return sameValue(value, precondition.value);
  }

  #enqueue(operations: readonly Operation[], sync: boolean): Promise<void> {
    const done = new Promise<void>((resolve, reject) =>
      this.#waiting.push({ operations, sync, resolve, reject }),
    );
    this.#flushing ??= this.#writeAll();
    return done;
  }

  async #writeAll(): Promise<void> {
    // Lets commits of the same turn join the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        // These commits touch no key of the one that failed: what they checked still holds.
        if (this.#broken) await this.#recover();
        await this.#write(
          group.flatMap(({ operations }) => operations),
          group[0]?.sync === true,
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#flushing = undefined;
  }

  /** What goes together in the next batch: commits that need no sync do not wait for one that is behind them. */
  #nextGroup(): Waiting[] {
    const synced = this.#waiting[0]?.sync === true;
    let count = 0;
    let bytes = 0;
    for (const { operations, sync } of this.#waiting) {
      if (bytes >= BATCH_BYTES || (sync && !synced)) break;
      count++;
      for (const operation of operations) if (operation.type === 'put') bytes += operation.value.byteLength;
    }
    return this.#waiting.splice(0, count);
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
      this.#broken = this.#options.reopen !== undefined;
      throw explained(cause);
    }
  }

  #recover(): Promise<void> {
    this.#recovery ??= this.#openAgain().finally(() => {
      this.#recovery = undefined;
    });
    return this.#recovery;
  }

  async #openAgain(): Promise<void> {
    if ((await this.#options.room?.()) === false)
      throw new OciError('STORE_FULL', 'no space left on the device that holds the data');
    try {
      await this.#db.close();
      if (this.#options.reopen !== undefined) this.#db = await this.#options.reopen();
    } catch (cause) {
      throw explained(cause);
    }
    this.#broken = false;
  }
}

/** Turns a full disk into the one error that says so. */
function explained(cause: unknown): unknown {
  const { message, cause: deeper } = cause as Error;
  const text = deeper instanceof Error ? `${message} ${deeper.message}` : message;
  if (!NO_SPACE.test(text)) return cause;
  return new OciError('STORE_FULL', 'no space left on the device that holds the data', { cause });
}

/** Keys are ASCII, so the first key that no longer has the prefix is the prefix and a byte above ASCII. */
function bounds({ prefix, after, limit }: RangeOptions): { gt: string; lt: string; limit: number } {
  const gt = after !== undefined && after > prefix ? after : prefix;
  return { gt, lt: `${prefix}\u007F`, limit };
}
