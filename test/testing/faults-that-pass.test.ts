import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestClock, randomImage, startRegistry, type Fault, type TestRegistry } from '../../testing/index.js';
import { exchange, openWire, requestHead } from './wire.js';

const image = randomImage({ layerSize: 5000 });
const layer = image.layers[0] ?? image.config;
const { size, digest } = layer.descriptor;
const blobPath = `/v2/team/app/blobs/${digest}`;
const last = { connection: 'close' };
const get = requestHead('GET', blobPath, last);

let registry: TestRegistry;
let clock: TestClock;

beforeEach(async () => {
  clock = new TestClock();
  registry = await startRegistry({ clock, seed: { 'team/app': { '1.0': image } } });
});

afterEach(async () => {
  await registry.close();
});

const blob = (fault: Fault): (() => void) => registry.faults.add({ match: { operation: 'blob.get' }, fault });

/** Lets a number of turns pass in which bytes could come. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}

describe('latency', () => {
  it('lets no byte out before its time, and then the whole answer', async () => {
    blob({ kind: 'latency', ms: 200 });
    const wire = await openWire(registry.url);
    wire.write(get);
    await registry.requests.waitFor({ faulted: 'latency', status: 0 });
    clock.advance(199);
    await settled();
    expect(wire.socket.bytesRead).toBe(0);
    clock.advance(1);
    const answer = await wire.end();
    expect(answer.body).toEqual(Buffer.from(layer.bytes));
    expect(registry.requests.filter({ faulted: 'latency' })).toMatchObject([{ status: 200, sent: size }]);
  });

  it('varies with jitter, the same way in every run', async () => {
    const waits = async (): Promise<number[]> => {
      const own = new TestClock(0);
      await using other = await startRegistry({
        socket: false,
        clock: own,
        faults: [{ name: 'slow', fault: { kind: 'latency', ms: 100, jitter: 50 } }],
      });
      const found: number[] = [];
      for (let n = 0; n < 20; n++) {
        const asked = other.fetch('/v2/');
        const start = own.now();
        while (own.waiting > 0) {
          own.advance(1);
        }
        found.push(own.now() - start);
        await asked;
      }
      return found;
    };
    const first = await waits();
    expect(Math.min(...first)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...first)).toBeLessThanOrEqual(150);
    expect(new Set(first).size).toBeGreaterThan(5);
    expect(await waits()).toEqual(first);
  });

  it('lets later rules strike', async () => {
    blob({ kind: 'latency', ms: 10 });
    blob({ kind: 'status', status: 503 });
    const answer = exchange(registry.url, get);
    await registry.requests.waitFor({ faulted: 'latency' });
    clock.advance(10);
    expect((await answer).status).toBe(503);
  });

  it('ends with the registry, and with a client that leaves', async () => {
    blob({ kind: 'latency', ms: 1_000_000 });
    const leaving = await openWire(registry.url);
    leaving.write(get);
    const staying = await openWire(registry.url);
    staying.write(get);
    await registry.requests.waitFor((request) => request.n === 2);
    await leaving.close();
    await registry.close();
    expect(await staying.end()).toMatchObject({ status: 0 });
    expect(clock.waiting).toBe(0);
  });
});

describe('throughput', () => {
  it('lets the body of an answer out piece by piece', async () => {
    blob({ kind: 'throughput', bytesPerSecond: 20_000 });
    const wire = await openWire(registry.url);
    wire.write(get);
    await wire.body(0);
    for (let at = 0; at < size; at += 1000) {
      while (clock.waiting === 0) await settled();
      await settled();
      expect((await wire.body(at)).body.byteLength).toBe(at);
      clock.advance(50);
    }
    expect((await wire.end()).body).toEqual(Buffer.from(layer.bytes));
  });

  it('slows an upload', async () => {
    registry.faults.add({ fault: { kind: 'throughput', bytesPerSecond: 40, of: 'request' } });
    const started = await registry.fetch('/v2/team/app/blobs/uploads/', { method: 'POST' });
    const path = started.headers.get('location') ?? '';
    const sent = exchange(registry.url, requestHead('PATCH', path, { ...last, 'content-length': 4 }), 'slow');
    for (let piece = 0; piece < 2; piece++) {
      while (clock.waiting === 0) await settled();
      clock.advance(50);
      await settled();
    }
    expect(await sent).toMatchObject({ status: 202 });
    expect(registry.requests.filter({ operation: 'upload.append' })).toMatchObject([
      { faulted: 'throughput', received: 4 },
    ]);
  });

  it('goes with a fault in the same body', async () => {
    blob({ kind: 'throughput', bytesPerSecond: 1_000_000 });
    blob({ kind: 'truncate', after: 100 });
    const answer = exchange(registry.url, get);
    while (clock.waiting === 0) await settled();
    clock.advance(1000);
    expect((await answer).body).toEqual(Buffer.from(layer.bytes.subarray(0, 100)));
  });
});

describe('faults in headers', () => {
  it.each(['GET', 'HEAD'])('wrongDigest: %s names another digest, the body stays', async (method) => {
    blob({ kind: 'wrongDigest' });
    const answer = await exchange(registry.url, requestHead(method, blobPath, last));
    const named = answer.headers.get('docker-content-digest') ?? '';
    expect(named).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(named).not.toBe(digest);
    expect(answer.headers.get('content-length')).toBe(String(size));
    expect(answer.body).toEqual(method === 'GET' ? Buffer.from(layer.bytes) : Buffer.alloc(0));
  });

  it.each(['Docker-Content-Digest', 'Content-Length', 'Content-Type'])(
    'missingHeader: %s is not there',
    async (header) => {
      const name = header.toLowerCase();
      expect((await exchange(registry.url, get)).headers.has(name)).toBe(true);
      registry.faults.add({ fault: { kind: 'missingHeader', header } });
      const answer = await exchange(registry.url, get);
      expect(answer.status).toBe(200);
      expect(answer.headers.has(name)).toBe(false);
      const chunked = answer.headers.get('transfer-encoding') === 'chunked';
      expect(chunked).toBe(name === 'content-length');
      if (!chunked) expect(answer.body).toEqual(Buffer.from(layer.bytes));
    },
  );

  it('foreignLocation: the same path at another host', async () => {
    registry.faults.add({ fault: { kind: 'foreignLocation', to: 'http://elsewhere.invalid:81' } });
    const answer = await exchange(
      registry.url,
      requestHead('POST', '/v2/team/app/blobs/uploads/', { ...last, 'content-length': 0 }),
    );
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toMatch(
      /^http:\/\/elsewhere\.invalid:81\/v2\/team\/app\/blobs\/uploads\/[\w-]+/,
    );
    // An answer without the header is not struck, and does not count.
    await exchange(registry.url, get);
    expect(registry.requests.count({ faulted: true })).toBe(1);
  });

  it('several strike the same answer', async () => {
    blob({ kind: 'missingHeader', header: 'content-type' });
    blob({ kind: 'wrongDigest' });
    blob({ kind: 'bitFlip' });
    const answer = await exchange(registry.url, get);
    expect(answer.headers.has('content-type')).toBe(false);
    expect(answer.headers.get('docker-content-digest')).not.toBe(digest);
    expect(answer.body[0]).toBe((layer.bytes[0] ?? 0) ^ 1);
  });
});

describe('redirect', () => {
  it('sends the client elsewhere with path and query, and asks nobody', async () => {
    blob({ kind: 'redirect', to: 'http://127.0.0.1:1' });
    const answer = await exchange(registry.url, requestHead('GET', `${blobPath}?ns=docker.io`, last));
    expect(answer.status).toBe(307);
    expect(answer.headers.get('location')).toBe(`http://127.0.0.1:1${blobPath}?ns=docker.io`);
    expect(answer.body).toHaveLength(0);
  });
});

describe('lostUpload', () => {
  it('the session is gone, whatever is asked of it', async () => {
    const started = await registry.fetch('/v2/team/app/blobs/uploads/', { method: 'POST' });
    const path = started.headers.get('location') ?? '';
    registry.faults.add({ match: { method: 'PATCH' }, fault: { kind: 'lostUpload' } });
    const head = requestHead('PATCH', path, { ...last, 'content-length': 5 });
    const answer = await exchange(registry.url, head, 'hello');
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain('"BLOB_UPLOAD_UNKNOWN"');
    expect((await registry.fetch(path)).status).toBe(404);
    expect((await exchange(registry.url, head, 'hello')).status).toBe(404);
    expect(registry.requests.count({ faulted: 'lostUpload' })).toBe(2);
  });
});

describe('expiredToken', () => {
  it('the registry takes the token no more, and gives a new one', async () => {
    await using guarded = await startRegistry({
      users: { bob: 'secret' },
      auth: 'bearer',
      faults: [{ times: 1, fault: { kind: 'expiredToken' } }],
    });
    const tokenFrom = async (challenge: string): Promise<string> => {
      const realm = /realm="([^"]+)"/.exec(challenge)?.[1] ?? '';
      const service = /service="([^"]+)"/.exec(challenge)?.[1] ?? '';
      const basic = Buffer.from('bob:secret').toString('base64');
      const answer = await fetch(`${realm}?service=${service}&scope=repository:app:pull`, {
        headers: { authorization: `Basic ${basic}` },
      });
      return ((await answer.json()) as { token: string }).token;
    };
    const ping = async (token?: string): ReturnType<typeof exchange> =>
      await exchange(
        guarded.url,
        requestHead('GET', '/v2/', {
          ...last,
          host: guarded.host,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        }),
      );
    const first = await ping();
    expect(first.status).toBe(401);
    const token = await tokenFrom(first.headers.get('www-authenticate') ?? '');
    const expired = await ping(token);
    expect(expired.status).toBe(401);
    expect(expired.headers.get('www-authenticate')).toContain('Bearer realm=');
    expect(guarded.requests.filter({ faulted: 'expiredToken' })).toMatchObject([{ status: 401 }]);
    expect((await ping(await tokenFrom(expired.headers.get('www-authenticate') ?? ''))).status).toBe(200);
  });
});
