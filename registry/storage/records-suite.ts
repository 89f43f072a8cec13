import assert from 'node:assert/strict';
import { put, remove, scan, scanKeys, type Precondition, type Records } from './records.js';
import { listOf, pattern, withCode, type TestFunction } from './suite.js';

/** A driver as the suite takes it. */
export interface RecordsUnderTest {
  /** Open, and empty. */
  readonly records: Records;
  /** Opens the same again after `close`, for drivers whose content outlives it. */
  readonly reopen?: () => Promise<Records>;
  /** Called at the end of a test, after `close`. */
  readonly cleanUp?: () => Promise<void>;
}

export interface RecordsSuiteOptions {
  readonly test: TestFunction;
  /** Called once for each test. */
  readonly create: () => Promise<RecordsUnderTest>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
const absent = (key: string): Precondition => ({ key, value: undefined });

/**
 * Proves a driver of records. Hand it the `test` of your own runner:
 *
 * ```ts
 * import { test } from 'vitest';
 * import { recordsSuite } from 'ocilot/registry/driver-suite';
 *
 * recordsSuite({ test, create: async () => ({ records: await openMyRecords() }) });
 * ```
 */
export function recordsSuite({ test, create }: RecordsSuiteOptions): void {
  const check: Check = (name, run) => {
    test(`records: ${name}`, async () => {
      const driver = await create();
      try {
        await run(driver.records, driver);
      } finally {
        await driver.records.close();
        await driver.cleanUp?.();
      }
    });
  };
  valueTests(check);
  rangeTests(check);
  commitTests(check);
  concurrencyTests(check);
  lifeTests(check);
}

type Check = (name: string, run: (records: Records, driver: RecordsUnderTest) => Promise<void>) => void;

function valueTests(check: Check): void {
  check('a key that was never put has no value', async (records) => {
    assert.equal(await records.get('a'), undefined);
  });
  check('values come back byte for byte, none and many', async (records) => {
    for (const size of [0, 1, 255, 4096, 1024 * 1024 + 1]) {
      assert.equal(await records.commit([put('k', pattern(size))]), true);
      assert.deepEqual(Buffer.from((await records.get('k')) ?? [1]), Buffer.from(pattern(size)));
    }
  });
  check('a key may hold every printable ASCII character', async (records) => {
    const keys = Array.from({ length: 95 }, (_, at) => `k${String.fromCodePoint(32 + at)}/`);
    await records.commit(keys.map((key) => put(key, bytes(key))));
    for (const key of keys) assert.equal(text(await records.get(key)), key);
    assert.deepEqual(await records.keys({ prefix: 'k', limit: 1000 }), keys);
  });
  check('putting again replaces, deleting removes, and deleting nothing is no error', async (records) => {
    await records.commit([put('a', bytes('1')), put('b', bytes('1'))]);
    await records.commit([put('a', bytes('2')), remove('b'), remove('c')]);
    assert.equal(text(await records.get('a')), '2');
    assert.equal(await records.get('b'), undefined);
  });
  check('a commit of ten thousand operations is one commit', async (records) => {
    const operations = Array.from({ length: 10_000 }, (_, at) => put(`k${at}`, bytes(String(at))));
    assert.equal(await records.commit(operations), true);
    assert.equal((await records.keys({ prefix: 'k', limit: 20_000 })).length, 10_000);
  });
}

function rangeTests(check: Check): void {
  const filled = ['a', 'a!', 'a!1', 'a!10', 'a!2', 'a"', 'a"1', 'aa', 'b!1', 'B!1'];
  const fill = (records: Records): Promise<boolean> =>
    records.commit(filled.map((key) => put(key, bytes(key))));
  check('a range holds what is behind its prefix, in byte order', async (records) => {
    await fill(records);
    const found = await records.range({ prefix: 'a!', limit: 100 });
    assert.deepEqual(
      found.map(([key]) => key),
      ['a!1', 'a!10', 'a!2'],
    );
    for (const [key, value] of found) assert.equal(text(value), key);
    assert.deepEqual(await records.keys({ prefix: 'B', limit: 100 }), ['B!1']);
    assert.deepEqual(await records.keys({ prefix: 'x', limit: 100 }), []);
  });
  check('a range starts behind `after`, which need not exist', async (records) => {
    await fill(records);
    const keys = (after: string): Promise<readonly string[]> =>
      records.keys({ prefix: 'a!', after, limit: 100 });
    assert.deepEqual(await keys('a!1'), ['a!10', 'a!2']);
    assert.deepEqual(await keys('a!11'), ['a!2']);
    assert.deepEqual(await keys('a!2'), []);
    assert.deepEqual(await keys('a'), ['a!1', 'a!10', 'a!2']);
    assert.deepEqual(await keys('b'), []);
  });
  check('a range ends at its limit', async (records) => {
    await fill(records);
    assert.deepEqual(await records.keys({ prefix: 'a!', limit: 2 }), ['a!1', 'a!10']);
    assert.equal((await records.range({ prefix: 'a!', limit: 1 })).length, 1);
    assert.deepEqual(await records.keys({ prefix: 'a!', limit: 0 }), []);
  });
  check('a range of values ends behind the one that brings it to a number of bytes', async (records) => {
    await records.commit(['a', 'b', 'c', 'd'].map((key) => put(`k!${key}`, pattern(100))));
    const count = async (most: number): Promise<number> =>
      (await records.range({ prefix: 'k!', limit: 10, bytes: most })).length;
    assert.deepEqual(await Promise.all([1, 100, 101, 300, 301, 5000].map(count)), [1, 1, 2, 3, 4, 4]);
    assert.equal((await records.range({ prefix: 'k!', limit: 2, bytes: 5000 })).length, 2);
  });
  check('pages put together are the whole', async (records) => {
    const keys = Array.from({ length: 2500 }, (_, at) => `p!${String(at).padStart(5, '0')}`);
    await records.commit(keys.map((key) => put(key, bytes(key))));
    assert.deepEqual(await listOf(scanKeys(records, 'p!')), keys);
    const entries = await listOf(scan(records, 'p!', keys[1999]));
    assert.deepEqual(
      entries.map(([key]) => key),
      keys.slice(2000),
    );
    const large = ['a', 'b', 'c', 'd', 'e'].map((key) => `q!${key}`);
    for (const key of large) await records.commit([put(key, pattern(3 * 1024 * 1024))]);
    assert.deepEqual(
      (await listOf(scan(records, 'q!'))).map(([key]) => key),
      large,
    );
  });
}

function commitTests(check: Check): void {
  check('a commit whose preconditions hold is made', async (records) => {
    assert.equal(await records.commit([put('a', bytes('1'))], [absent('a')]), true);
    assert.equal(await records.commit([put('a', bytes('2'))], [{ key: 'a', value: bytes('1') }]), true);
    assert.equal(await records.commit([remove('a')], [{ key: 'a', present: true }]), true);
    assert.equal(await records.get('a'), undefined);
  });
  check('a commit with one precondition that does not hold changes nothing', async (records) => {
    await records.commit([put('a', bytes('1')), put('empty', bytes(''))]);
    const failing: Precondition[] = [
      absent('a'),
      absent('empty'),
      { key: 'a', value: bytes('2') },
      { key: 'a', value: bytes('') },
      { key: 'b', value: bytes('1') },
      { key: 'b', value: bytes('') },
      { key: 'b', present: true },
    ];
    for (const precondition of failing) {
      const operations = [put('a', bytes('3')), remove('empty'), put('c', bytes('3'))];
      const holding: Precondition = { key: 'a', present: true };
      assert.equal(await records.commit(operations, [holding, precondition]), false);
      assert.equal(await records.commit([], [precondition]), false);
    }
    assert.deepEqual(await records.keys({ prefix: '', limit: 10 }), ['a', 'empty']);
    assert.equal(text(await records.get('a')), '1');
  });
  check('a commit of nothing tells whether its preconditions hold', async (records) => {
    await records.commit([put('a', bytes('1'))]);
    assert.equal(await records.commit([], [{ key: 'a', value: bytes('1') }, absent('b')]), true);
    assert.equal(await records.commit([]), true);
  });
  check('a commit that need not be durable is seen at once, and `flush` waits for it', async (records) => {
    assert.equal(await records.commit([put('a', bytes('1'))], [absent('a')], { sync: false }), true);
    assert.equal(text(await records.get('a')), '1');
    await records.flush();
    assert.equal(text(await records.get('a')), '1');
  });
}

function concurrencyTests(check: Check): void {
  const many = Array.from({ length: 50 }, (_, at) => at);
  check('of commits that want the same key free, one is made', async (records) => {
    for (const sync of [true, false]) {
      const key = `k${sync}`;
      const made = await Promise.all(
        many.map((at) => records.commit([put(key, bytes(String(at)))], [absent(key)], { sync })),
      );
      assert.deepEqual(made.filter(Boolean), [true]);
      assert.equal(text(await records.get(key)), String(made.indexOf(true)));
    }
  });
  check('no increment of a counter is lost', async (records) => {
    await Promise.all(
      many.slice(0, 10).map(async (at) => {
        for (let times = 0; times < 10;) {
          const value = await records.get('n');
          const next = bytes(String(Number(text(value) ?? '0') + 1));
          if (await records.commit([put('n', next)], [{ key: 'n', value }], { sync: at % 2 === 0 })) times++;
        }
      }),
    );
    assert.equal(text(await records.get('n')), '100');
  });
  check('of two commits that each forbid the other, one is made', async (records) => {
    for (const at of many) {
      const made = await Promise.all([
        records.commit([put(`a${at}`, bytes('1'))], [absent(`b${at}`)]),
        records.commit([put(`b${at}`, bytes('1'))], [absent(`a${at}`)]),
      ]);
      assert.deepEqual(made.toSorted(), [false, true]);
    }
  });
  check('what is read behind a commit has all that was committed before it', async (records) => {
    await records.commit([put('door', bytes('open'))]);
    for (const at of many) {
      const entering = records.commit([put(`in!${at}`, bytes('1'))], [{ key: 'door', value: bytes('open') }]);
      await records.commit([put('door', bytes('shut'))]);
      const inside = await records.get(`in!${at}`);
      assert.equal(inside !== undefined, await entering);
      await records.commit([put('door', bytes('open'))]);
    }
  });
  check('commits at once are each made whole', async (records) => {
    const keys = ['x', 'y', 'z'];
    await Promise.all(
      many.map((at) =>
        records.commit(
          keys.map((key) => put(key, bytes(String(at)))),
          [],
          { sync: at % 3 === 0 },
        ),
      ),
    );
    const values = await Promise.all(keys.map(async (key) => text(await records.get(key))));
    assert.equal(new Set(values).size, 1);
  });
}

function lifeTests(check: Check): void {
  check('`entries` is everything as it stood when it was asked for', async (records) => {
    const keys = Array.from({ length: 3000 }, (_, at) => `k${String(at).padStart(4, '0')}`);
    await records.commit(keys.map((key) => put(key, bytes(key))));
    const found: string[] = [];
    for await (const [key, value] of records.entries()) {
      if (found.length === 0) await records.commit([remove('k2000'), put('k9', bytes('new'))]);
      assert.equal(text(value), key);
      found.push(key);
    }
    assert.deepEqual(found, keys);
  });
  check('leaving `entries` early lets go of it', async (records) => {
    await records.commit([put('a', bytes('1')), put('b', bytes('1'))]);
    for await (const [key] of records.entries()) {
      assert.equal(key, 'a');
      break;
    }
    assert.equal(await records.commit([put('c', bytes('1'))]), true);
  });
  check('`close` lets commits end, and later calls say that it is closed', async (records) => {
    const commits = [0, 1, 2].map((at) => records.commit([put(`k${at}`, bytes('1'))], [], { sync: at > 0 }));
    // Their turn comes before that of the close.
    await Promise.resolve();
    await records.close();
    assert.deepEqual(await Promise.all(commits), [true, true, true]);
    await assert.rejects(records.get('k0'), withCode('STORE_CLOSED'));
    await assert.rejects(records.keys({ prefix: '', limit: 1 }), withCode('STORE_CLOSED'));
    await assert.rejects(records.range({ prefix: '', limit: 1 }), withCode('STORE_CLOSED'));
    await assert.rejects(records.commit([put('a', bytes('1'))]), withCode('STORE_CLOSED'));
    await assert.rejects(records.flush(), withCode('STORE_CLOSED'));
    await records.close();
  });
  check('what was committed is there when it is opened again', async (records, driver) => {
    await records.commit([put('a', bytes('1')), put('b', bytes('1'))]);
    await records.commit([put('c', bytes('1'))], [], { sync: false });
    await records.commit([remove('b')]);
    await records.close();
    if (driver.reopen === undefined) return;
    const again = await driver.reopen();
    try {
      assert.deepEqual(await again.keys({ prefix: '', limit: 10 }), ['a', 'c']);
      assert.equal(await again.commit([put('b', bytes('2'))], [absent('b')]), true);
    } finally {
      await again.close();
    }
  });
}
