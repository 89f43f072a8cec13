import assert from 'node:assert/strict';
import { digestOf, type ByteStream } from '../../oci/index.js';
import type { Bytes, Location } from './bytes.js';
import { listOf, pattern, withCode, type TestFunction } from './suite.js';

/** A driver as the suite takes it. */
export interface BytesUnderTest {
  /** Open, and empty. */
  readonly bytes: Bytes;
  /** The same content as a new process would open it, after `cleanUp` was not called. For drivers whose content stays. */
  readonly reopen?: () => Promise<Bytes>;
  /** Called at the end of a test. */
  readonly cleanUp?: () => Promise<void>;
}

export interface BytesSuiteOptions {
  readonly test: TestFunction;
  /** Called once for each test. */
  readonly create: () => Promise<BytesUnderTest>;
}

type Check = (name: string, run: (bytes: Bytes, driver: BytesUnderTest) => Promise<void>) => void;

const MIB = 1024 * 1024;

/**
 * Proves a driver of large bytes. Hand it the `test` of your own runner:
 *
 * ```ts
 * import { test } from 'node:test';
 * import { bytesSuite } from 'ocilot/registry/driver-suite';
 *
 * bytesSuite({ test, create: async () => ({ bytes: await openMyBytes() }) });
 * ```
 */
export function bytesSuite({ test, create }: BytesSuiteOptions): void {
  const check: Check = (name, run) => {
    test(`bytes: ${name}`, async () => {
      const driver = await create();
      try {
        await run(driver.bytes, driver);
      } finally {
        await driver.cleanUp?.();
      }
    });
  };
  uploadTests(check);
  publishTests(check);
  readTests(check);
  deleteTests(check);
}

/** Adds content in pieces of a size. */
async function append(bytes: Bytes, id: string, content: Uint8Array, piece = 64 * 1024): Promise<void> {
  const appender = await bytes.append(id);
  try {
    for (let at = 0; at < content.byteLength; at += piece)
      await appender.write(content.subarray(at, at + piece));
  } finally {
    await appender.close();
  }
}

async function upload(bytes: Bytes, id: string, content: Uint8Array, piece?: number): Promise<void> {
  await bytes.begin(id);
  await append(bytes, id, content, piece);
}

async function publish(bytes: Bytes, id: string, content: Uint8Array): Promise<Location> {
  await upload(bytes, id, content);
  return await bytes.publish(id, digestOf(content));
}

async function whole(stream: ByteStream): Promise<Buffer> {
  return Buffer.concat(await listOf(stream));
}

async function assertContent(stream: ByteStream, content: Uint8Array): Promise<void> {
  const found = await whole(stream);
  assert.equal(found.byteLength, content.byteLength);
  assert.equal(Buffer.compare(found, content), 0);
}

function uploadTests(check: Check): void {
  check('an upload grows as it is written, and nobody knows of one that was not begun', async (bytes) => {
    assert.equal(await bytes.size('u'), undefined);
    assert.deepEqual(await listOf(bytes.uploads()), []);
    await bytes.begin('u');
    assert.equal(await bytes.size('u'), 0);
    const appender = await bytes.append('u');
    await appender.write(pattern(1000));
    assert.equal(appender.size, 1000);
    assert.ok(((await bytes.size('u')) ?? 0) <= 1000);
    await appender.close();
    assert.equal(await bytes.size('u'), 1000);
    await assertContent(await bytes.read('u'), pattern(1000));
    assert.deepEqual(await listOf(bytes.uploads()), ['u']);
  });
  for (const piece of [997, 65_536, MIB, 3 * MIB]) {
    check(`content comes back as it was written, in pieces of ${piece} bytes`, async (bytes) => {
      const content = pattern(4 * MIB + 17);
      await upload(bytes, 'u', content, piece);
      assert.equal(await bytes.size('u'), content.byteLength);
      await assertContent(await bytes.read('u'), content);
    });
  }
  check('pieces of no bytes change nothing', async (bytes) => {
    await bytes.begin('u');
    const appender = await bytes.append('u');
    await appender.write(pattern(0));
    await appender.write(pattern(10));
    await appender.write(pattern(0));
    await appender.close();
    await append(bytes, 'u', pattern(0));
    await assertContent(await bytes.read('u'), pattern(10));
  });
  check('an upload goes on where it stood, at any place', async (bytes) => {
    const content = pattern(3 * MIB + 5);
    const stops = [1, 2, 1000, MIB - 1, MIB, MIB + 1, 2 * MIB + 7, content.byteLength];
    await bytes.begin('u');
    let at = 0;
    for (const stop of stops) {
      const appender = await bytes.append('u');
      assert.equal(appender.size, at);
      await appender.write(content.subarray(at, stop));
      assert.equal(appender.size, stop);
      await appender.close();
      assert.equal(await bytes.size('u'), stop);
      at = stop;
    }
    await assertContent(await bytes.read('u'), content);
  });
  check('uploads at once do not mix', async (bytes) => {
    const contents = [1, 2, 3, 4, 5, 6].map((seed) => pattern(MIB + seed * 100_000, seed));
    await Promise.all(contents.map((content, at) => upload(bytes, `u${at}`, content, 30_000 + at * 1000)));
    for (const [at, content] of contents.entries()) await assertContent(await bytes.read(`u${at}`), content);
    assert.deepEqual((await listOf(bytes.uploads())).toSorted(), ['u0', 'u1', 'u2', 'u3', 'u4', 'u5']);
  });
  check('an upload that is dropped is gone, and dropping it again is no error', async (bytes) => {
    await upload(bytes, 'u', pattern(2 * MIB));
    await bytes.abort('u');
    await bytes.abort('u');
    assert.equal(await bytes.size('u'), undefined);
    assert.deepEqual(await listOf(bytes.uploads()), []);
    await assert.rejects(bytes.append('u'), withCode('STORE_CORRUPT'));
    await assert.rejects(bytes.read('u'), withCode('STORE_CORRUPT'));
    await assert.rejects(bytes.publish('u', digestOf('')), withCode('STORE_CORRUPT'));
  });
  check('uploads are there when it is opened again', async (bytes, driver) => {
    if (driver.reopen === undefined) return;
    const content = pattern(2 * MIB + 100);
    await upload(bytes, 'u', content.subarray(0, MIB + 50));
    await bytes.flush();
    const again = await driver.reopen();
    assert.equal(await again.size('u'), MIB + 50);
    await append(again, 'u', content.subarray(MIB + 50));
    await assertContent(await again.read('u'), content);
  });
}

function publishTests(check: Check): void {
  check('what is published is no upload any more', async (bytes) => {
    const content = pattern(MIB + 1);
    const location = await publish(bytes, 'u', content);
    assert.equal(await bytes.size('u'), undefined);
    assert.deepEqual(await listOf(bytes.uploads()), []);
    await assert.rejects(bytes.append('u'), withCode('STORE_CORRUPT'));
    await assert.rejects(bytes.publish('u', digestOf(content)), withCode('STORE_CORRUPT'));
    assert.deepEqual(await listOf(bytes.list()), [{ location, digest: digestOf(content) }]);
    await assertContent(await bytes.open(location, { start: 0, end: MIB }), content);
  });
  check('no bytes can be published too', async (bytes) => {
    const location = await publish(bytes, 'u', pattern(0));
    await assertContent(await bytes.open(location, { start: 0, end: -1 }), pattern(0));
  });
  check('dropping an upload leaves what was published of it', async (bytes) => {
    const content = pattern(2 * MIB);
    const location = await publish(bytes, 'u', content);
    await bytes.abort('u');
    await assertContent(await bytes.open(location, { start: 0, end: content.byteLength - 1 }), content);
  });
  check('what is published can be made an upload again', async (bytes) => {
    const content = pattern(2 * MIB + 9);
    await publish(bytes, 'u', content.subarray(0, MIB + 5));
    await bytes.recall('v', digestOf(content));
    await bytes.recall('u', digestOf(content));
    assert.deepEqual(await listOf(bytes.uploads()), []);
    await bytes.recall('u', digestOf(content.subarray(0, MIB + 5)));
    assert.deepEqual(await listOf(bytes.list()), []);
    assert.deepEqual(await listOf(bytes.uploads()), ['u']);
    assert.equal(await bytes.size('u'), MIB + 5);
    await append(bytes, 'u', content.subarray(MIB + 5));
    const location = await bytes.publish('u', digestOf(content));
    await assertContent(await bytes.open(location, { start: 0, end: content.byteLength - 1 }), content);
  });
  check('two publications of the same digest stand apart', async (bytes) => {
    const content = pattern(MIB + 3);
    const [one, two] = await Promise.all([publish(bytes, 'u', content), publish(bytes, 'v', content)]);
    assert.notEqual(one, two);
    await bytes.delete(one);
    await assertContent(await bytes.open(two, { start: 0, end: MIB + 2 }), content);
    assert.deepEqual(await listOf(bytes.list()), [{ location: two, digest: digestOf(content) }]);
  });
  check('digests of every algorithm are listed as they were given', async (bytes) => {
    const content = pattern(100);
    await upload(bytes, 'u', content);
    const digest = digestOf(content, 'sha512');
    const location = await bytes.publish('u', digest);
    assert.deepEqual(await listOf(bytes.list()), [{ location, digest }]);
  });
  check('what is published is there when it is opened again', async (bytes, driver) => {
    if (driver.reopen === undefined) return;
    const content = pattern(2 * MIB + 1);
    const location = await publish(bytes, 'u', content);
    const again = await driver.reopen();
    await assertContent(await again.open(location, { start: 0, end: 2 * MIB }), content);
    const other = await publish(again, 'v', pattern(MIB, 9));
    await assertContent(await again.open(location, { start: 0, end: 2 * MIB }), content);
    await assertContent(await again.open(other, { start: 0, end: MIB - 1 }), pattern(MIB, 9));
  });
}

function readTests(check: Check): void {
  check('any range can be read', async (bytes) => {
    const content = pattern(3 * MIB + 100);
    const location = await publish(bytes, 'u', content);
    const last = content.byteLength - 1;
    const places = [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB, last];
    for (const start of places) {
      for (const end of places.filter((place) => place >= start))
        await assertContent(await bytes.open(location, { start, end }), content.subarray(start, end + 1));
    }
  });
  check('many read at once', async (bytes) => {
    const content = pattern(2 * MIB);
    const location = await publish(bytes, 'u', content);
    const range = { start: 5, end: 2 * MIB - 5 };
    const streams = await Promise.all(Array.from({ length: 8 }, () => bytes.open(location, range)));
    await Promise.all(streams.map((stream) => assertContent(stream, content.subarray(5, 2 * MIB - 4))));
  });
  check('a reader may leave early', async (bytes) => {
    const location = await publish(bytes, 'u', pattern(3 * MIB));
    for await (const chunk of await bytes.open(location, { start: 0, end: 3 * MIB - 1 })) {
      assert.ok(chunk.byteLength > 0);
      break;
    }
    await bytes.delete(location);
    assert.deepEqual(await listOf(bytes.list()), []);
  });
}

function deleteTests(check: Check): void {
  check('what is deleted is gone, and deleting it again is no error', async (bytes) => {
    const location = await publish(bytes, 'u', pattern(2 * MIB));
    await bytes.delete(location);
    await bytes.delete(location);
    assert.deepEqual(await listOf(bytes.list()), []);
    await assert.rejects(bytes.open(location, { start: 0, end: 1 }), withCode('STORE_CORRUPT'));
  });
  check('who reads what is deleted reads it to its end', async (bytes) => {
    const content = pattern(5 * MIB);
    const location = await publish(bytes, 'u', content);
    const stream = await bytes.open(location, { start: 0, end: content.byteLength - 1 });
    await bytes.delete(location);
    await assertContent(stream, content);
    await assert.rejects(bytes.open(location, { start: 0, end: 1 }), withCode('STORE_CORRUPT'));
    assert.deepEqual(await listOf(bytes.list()), []);
  });
  check('who opens what is being deleted reads all or nothing', async (bytes) => {
    const content = pattern(3 * MIB);
    for (let round = 0; round < 20; round++) {
      const location = await publish(bytes, `u${round}`, content);
      const reading = (async () => {
        for (let turns = 0; turns < round; turns++) await Promise.resolve();
        return await whole(await bytes.open(location, { start: 0, end: content.byteLength - 1 }));
      })();
      await Promise.allSettled([bytes.delete(location), reading]);
      const found = await reading.catch((error: unknown) => {
        assert.ok(withCode('STORE_CORRUPT')(error));
        assert.match((error as Error).message, /missing/);
        return undefined;
      });
      if (found !== undefined) assert.equal(Buffer.compare(found, content), 0);
    }
    assert.deepEqual(await listOf(bytes.list()), []);
  });
}
