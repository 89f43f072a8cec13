import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { LevelRecords, type Database } from '../../../registry/storage/level-records.js';
import { LEVEL_ENCODINGS } from '../../../registry/storage/open-level.js';
import { put } from '../../../registry/storage/records.js';

interface Write {
  readonly keys: readonly string[];
  readonly bytes: number;
  readonly sync: boolean;
}

interface Change {
  readonly type: 'put' | 'del';
  readonly key: string;
  readonly value?: Uint8Array;
}

/** An engine that can be told to fail, and that notes what is asked of it. */
class Engine {
  readonly writes: Write[] = [];
  /** Messages of the next writes that fail; `applied` ones are in the log all the same. */
  readonly failures: { readonly message: string; readonly applied?: boolean }[] = [];
  opened = 0;
  room = true;
  /** Message with which opening fails. */
  broken: string | undefined;
  #log: (readonly Change[])[] = [];
  #writing = 0;

  async open(): Promise<Database> {
    if (this.broken !== undefined)
      throw new Error('Database failed to open', { cause: new Error(this.broken) });
    this.opened++;
    const db = new MemoryLevel<string, Uint8Array>({ storeEncoding: 'view', ...LEVEL_ENCODINGS });
    await db.open();
    const apply = db.batch.bind(db) as unknown as (changes: readonly Change[]) => Promise<void>;
    for (const changes of this.#log) await apply(changes);
    const batch = async (changes: readonly Change[], { sync }: { sync: boolean }): Promise<void> => {
      expect(++this.#writing).toBe(1);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      this.#writing--;
      const bytes = changes.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0);
      this.writes.push({ keys: changes.map(({ key }) => key), bytes, sync });
      const failure = this.failures.shift();
      if (failure === undefined || failure.applied === true) this.#log.push(changes);
      if (failure !== undefined) throw new Error(failure.message);
      await apply(changes);
    };
    return Object.assign(db, { batch });
  }

  async records(): Promise<LevelRecords> {
    return new LevelRecords(await this.open(), {
      reopen: () => this.open(),
      room: () => Promise.resolve(this.room),
    });
  }
}

const ONE = Buffer.from('1');
const TWO = Buffer.from('2');
const IO = 'IO error: /db/000003.log: Input/output error';
const FULL = 'IO error: /db/000003.log: No space left on device';

describe('commits', () => {
  it('go to the engine in order, one batch at a time, and those that wait go together', async () => {
    const engine = new Engine();
    const records = await engine.records();
    await Promise.all([
      records.commit([put('a', ONE)]),
      records.commit([put('b', ONE)], [], { sync: false }),
      (async () => {
        await new Promise((resolve) => {
          process.nextTick(resolve);
        });
        await Promise.all([
          records.commit([put('c', ONE)], [], { sync: false }),
          records.commit([put('d', ONE)], [], { sync: false }),
        ]);
      })(),
    ]);
    expect(engine.writes).toEqual([
      { keys: ['a', 'b'], bytes: 2, sync: true },
      { keys: ['c', 'd'], bytes: 2, sync: false },
    ]);
  });

  it('that need no sync do not wait for one behind them', async () => {
    const engine = new Engine();
    const records = await engine.records();
    await Promise.all([
      records.commit([put('a', ONE)], [], { sync: false }),
      records.commit([put('b', ONE)], [], { sync: false }),
      records.commit([put('c', ONE)]),
      records.commit([put('d', ONE)], [], { sync: false }),
      records.commit([put('e', ONE)]),
    ]);
    expect(engine.writes.map(({ keys, sync }) => [...keys, sync])).toEqual([
      ['a', 'b', false],
      ['c', 'd', 'e', true],
    ]);
  });

  it('of large values do not make batches without bound', async () => {
    const engine = new Engine();
    const records = await engine.records();
    const value = Buffer.alloc(1024 * 1024);
    await Promise.all(Array.from({ length: 40 }, (_, at) => records.commit([put(`k${at}`, value)])));
    expect(Math.max(...engine.writes.map(({ bytes }) => bytes))).toBeLessThanOrEqual(5 * 1024 * 1024);
    expect(engine.writes.length).toBeLessThan(20);
  });
});

describe('a write that fails', () => {
  it('fails its commit, and the next one finds the log read again', async () => {
    const engine = new Engine();
    const records = await engine.records();
    await records.commit([put('a', ONE)], [], { sync: false });
    engine.failures.push({ message: IO });
    await expect(records.commit([put('b', ONE)])).rejects.toThrow(IO);
    expect(await records.commit([put('b', TWO)], [{ key: 'b', value: undefined }])).toBe(true);
    expect(engine.opened).toBe(2);
    expect(await records.keys({ prefix: '', limit: 9 })).toEqual(['a', 'b']);
  });

  it('may have been made after all, and a later commit knows', async () => {
    const engine = new Engine();
    const records = await engine.records();
    engine.failures.push({ message: IO, applied: true });
    await expect(records.commit([put('a', ONE)])).rejects.toThrow(IO);
    expect(await records.commit([put('a', TWO)], [{ key: 'a', value: undefined }])).toBe(false);
    expect(await records.get('a')).toEqual(ONE);
  });

  it('holds back those behind it until the log is read again', async () => {
    const engine = new Engine();
    const records = await engine.records();
    engine.failures.push({ message: IO });
    const first = records.commit([put('a', ONE)]);
    const failed = expect(first).rejects.toThrow(IO);
    await Promise.resolve();
    await Promise.resolve();
    const second = records.commit([put('b', ONE)], [], { sync: false });
    await failed;
    expect(await second).toBe(true);
    expect(engine.opened).toBe(2);
    expect(await records.get('b')).toEqual(ONE);
  });

  it('does not disturb reads under way', async () => {
    const engine = new Engine();
    const records = await engine.records();
    await records.commit([put('a', ONE), put('b', ONE)]);
    engine.failures.push({ message: IO });
    await expect(records.commit([put('c', ONE)])).rejects.toThrow(IO);
    const reads = Array.from({ length: 20 }, async (_, at) => {
      for (let turns = 0; turns < at; turns++) await Promise.resolve();
      return [await records.get('a'), await records.keys({ prefix: '', limit: 9 })] as const;
    });
    const commit = records.commit([put('d', ONE)], [], { sync: false });
    for (const [value, keys] of await Promise.all(reads)) {
      expect(value).toEqual(ONE);
      expect(keys.slice(0, 2)).toEqual(['a', 'b']);
    }
    expect(await commit).toBe(true);
  });

  it('for want of room says so; reads go on, and so do writes when there is room again', async () => {
    const engine = new Engine();
    const records = await engine.records();
    await records.commit([put('a', ONE)]);
    engine.failures.push({ message: FULL });
    engine.room = false;
    await expect(records.commit([put('b', ONE)])).rejects.toMatchObject({ code: 'STORE_FULL' });
    await expect(records.commit([put('b', ONE)])).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await records.get('a')).toEqual(ONE);
    expect(engine.opened).toBe(1);
    engine.room = true;
    expect(await records.commit([put('b', ONE)])).toBe(true);
    expect(engine.opened).toBe(2);
  });

  it('and a database that cannot be opened again fail every call with the reason, until it can', async () => {
    const engine = new Engine();
    const records = await engine.records();
    await records.commit([put('a', ONE)]);
    engine.failures.push({ message: IO });
    engine.broken = FULL;
    await expect(records.commit([put('b', ONE)])).rejects.toThrow(IO);
    await expect(records.get('a')).rejects.toMatchObject({ code: 'STORE_FULL' });
    await expect(records.commit([put('b', ONE)])).rejects.toMatchObject({ code: 'STORE_FULL' });
    engine.broken = undefined;
    expect(await records.get('a')).toEqual(ONE);
    expect(await records.commit([put('b', ONE)])).toBe(true);
    await records.close();
  });

  it('is no hindrance to closing', async () => {
    const engine = new Engine();
    const records = await engine.records();
    engine.failures.push({ message: IO });
    engine.broken = IO;
    await expect(records.commit([put('b', ONE)])).rejects.toThrow(IO);
    await expect(records.get('a')).rejects.toThrow();
    await records.close();
    await expect(records.get('a')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });
});
