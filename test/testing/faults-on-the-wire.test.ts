import { Agent, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  randomImage,
  startRegistry,
  type Fault,
  type FaultRule,
  type TestRegistry,
} from '../../testing/index.js';
import { exchange, openWire, requestHead, type End } from './wire.js';

const image = randomImage({ layerSize: 5000 });
const layer = image.layers[0] ?? image.config;
const blobPath = `/v2/team/app/blobs/${layer.descriptor.digest}`;
const { size } = layer.descriptor;

let registry: TestRegistry;

beforeEach(async () => {
  registry = await startRegistry({ seed: { 'team/app': { '1.0': image } } });
});

afterEach(async () => {
  await registry.close();
});

const blob = (fault: Fault, rule: Partial<FaultRule> = {}): (() => void) =>
  registry.faults.add({ match: { operation: 'blob.get' }, fault, ...rule });

const get = requestHead('GET', blobPath);
/** Ends the connection when the answer is whole. */
const lastGet = requestHead('GET', blobPath, { connection: 'close' });

describe('faults on the wire', () => {
  it('nothing is touched without a rule', async () => {
    const answer = await exchange(registry.url, lastGet);
    expect(answer).toMatchObject({ status: 200, end: 'fin' });
    expect(answer.body).toEqual(Buffer.from(layer.bytes));
  });

  it('status: another answer, in the envelope of the spec, on a connection that stays', async () => {
    blob({ kind: 'status', status: 503 }, { times: 1, name: 'down' });
    const wire = await openWire(registry.url);
    wire.write(get);
    const answer = await wire.body(1);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(answer.body.toString())).toEqual({
      errors: [{ code: 'UNAVAILABLE', message: 'fault rule down' }],
    });
    wire.write(lastGet);
    const whole = await wire.end();
    expect(whole.body.subarray(-size)).toEqual(Buffer.from(layer.bytes));
  });

  it.each([
    [undefined, undefined],
    [7, '7'],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 'Wed, 21 Oct 2026 07:28:00 GMT'],
  ])('429 with Retry-After %s', async (retryAfter, sent) => {
    blob({ kind: 'status', status: 429, ...(retryAfter === undefined ? {} : { retryAfter }) });
    const answer = await exchange(registry.url, lastGet);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe(sent);
    expect(answer.body.toString()).toContain('"TOOMANYREQUESTS"');
  });

  it('reset before the answer: RST, not a byte', async () => {
    blob({ kind: 'reset' });
    expect(await exchange(registry.url, get)).toMatchObject({ status: 0, end: 'rst' });
    expect(registry.requests.filter({ faulted: 'reset' })).toMatchObject([{ status: 0, sent: 0 }]);
  });

  it.each([0, 1, 1000, size - 1])('reset after %i bytes of the body: those, then RST', async (after) => {
    blob({ kind: 'reset', after });
    const answer = await exchange(registry.url, get);
    expect(answer).toMatchObject({ status: 200, end: 'rst' });
    expect(answer.headers.get('content-length')).toBe(String(size));
    expect(answer.body).toEqual(Buffer.from(layer.bytes.subarray(0, after)));
    expect(registry.requests.filter({ faulted: true })).toMatchObject([{ status: 200, sent: after }]);
  });

  it.each([0, 1000, size - 1])('truncate after %i bytes: those, then an end in good order', async (after) => {
    blob({ kind: 'truncate', after });
    const answer = await exchange(registry.url, get);
    expect(answer).toMatchObject({ status: 200, end: 'fin' });
    expect(answer.headers.get('content-length')).toBe(String(size));
    expect(answer.body).toEqual(Buffer.from(layer.bytes.subarray(0, after)));
  });

  it('a body that is shorter than the fault is left alone, and counts for nothing', async () => {
    blob({ kind: 'truncate', after: size }, { name: 'too far', times: 1 });
    expect((await exchange(registry.url, lastGet)).body).toHaveLength(size);
    expect(registry.requests.count({ faulted: true })).toBe(0);
  });

  it.each([0, 1000])('stall after %i bytes: silence until it is released, then the rest', async (after) => {
    blob({ kind: 'stall', after });
    const wire = await openWire(registry.url);
    wire.write(lastGet);
    const begun = await wire.body(after);
    expect(begun).toMatchObject({ status: 200 });
    expect(begun.body).toEqual(Buffer.from(layer.bytes.subarray(0, after)));
    // Other requests go on meanwhile, and nothing more has come here when they are done.
    expect((await exchange(registry.url, requestHead('GET', '/v2/', { connection: 'close' }))).status).toBe(
      200,
    );
    expect((await wire.body(0)).body).toHaveLength(after);
    expect(registry.faults.release()).toBe(1);
    const whole = await wire.end();
    expect(whole.end).toBe('fin');
    expect(whole.body).toEqual(Buffer.from(layer.bytes));
  });

  it('stall before the answer: not a byte until it is released', async () => {
    blob({ kind: 'stall' });
    const wire = await openWire(registry.url);
    wire.write(lastGet);
    await registry.requests.waitFor({ faulted: 'stall', status: 0 });
    expect(wire.socket.bytesRead).toBe(0);
    expect(registry.faults.release()).toBe(1);
    expect((await wire.end()).body).toEqual(Buffer.from(layer.bytes));
    expect(registry.requests.filter({ faulted: 'stall' })).toMatchObject([{ status: 200, sent: size }]);
  });

  it('a stalled client may leave', async () => {
    blob({ kind: 'stall', after: 10 });
    const wire = await openWire(registry.url);
    wire.write(get);
    await wire.body(10);
    await wire.close();
    // The next request is served when the server has seen the end of the first.
    expect((await exchange(registry.url, requestHead('GET', '/v2/', { connection: 'close' }))).status).toBe(
      200,
    );
    expect(registry.faults.release()).toBe(0);
  });

  it.each([
    [{ at: 1234, bit: 3 }, 1234, 8],
    [{ at: -1, bit: 7 }, size - 1, 128],
    [{}, 0, 1],
  ])('bit flip %o: one bit, same length, same headers', async (where, at, mask) => {
    const before = await exchange(registry.url, lastGet);
    blob({ kind: 'bitFlip', ...where });
    const answer = await exchange(registry.url, lastGet);
    expect([...answer.headers.keys()]).toEqual([...before.headers.keys()]);
    expect(answer.headers.get('docker-content-digest')).toBe(layer.descriptor.digest);
    expect(answer.end).toBe('fin');
    const expected = Buffer.from(layer.bytes);
    expected[at] = (expected[at] ?? 0) ^ mask;
    expect(answer.body).toEqual(expected);
    registry.faults.clear();
    expect((await exchange(registry.url, lastGet)).body).toEqual(Buffer.from(layer.bytes));
  });

  it('a range counts from its own start', async () => {
    blob({ kind: 'truncate', after: 10 });
    const answer = await exchange(registry.url, requestHead('GET', blobPath, { range: 'bytes=1000-1999' }));
    expect(answer).toMatchObject({ status: 206, end: 'fin' });
    expect(answer.body).toEqual(Buffer.from(layer.bytes.subarray(1000, 1010)));
  });

  it('HEAD has no body to strike', async () => {
    blob({ kind: 'truncate', after: 0 });
    const head = requestHead('HEAD', blobPath, { connection: 'close' });
    expect(await exchange(registry.url, head)).toMatchObject({ status: 200, end: 'fin' });
    expect(registry.requests.filter({ method: 'HEAD' })).toMatchObject([{ sent: 0 }]);
    expect(registry.requests.count({ faulted: true })).toBe(0);
  });

  it('node:http sees what a broken network shows it', async () => {
    blob({ kind: 'reset' }, { times: 1 });
    blob({ kind: 'truncate', after: 100 }, { times: 1 });
    expect(await failureOf(registry.url + blobPath)).toBe('ECONNRESET before the answer');
    expect(await failureOf(registry.url + blobPath)).toBe('ECONNRESET after 100 bytes');
    expect(await failureOf(registry.url + blobPath)).toBe(`none after ${size} bytes`);
  });
});

describe('faults over TLS', () => {
  it.each<[Fault, number, End]>([
    [{ kind: 'reset' }, 0, 'rst'],
    [{ kind: 'reset', after: 0 }, 0, 'rst'],
    [{ kind: 'reset', after: 1000 }, 1000, 'rst'],
    [{ kind: 'truncate', after: 0 }, 0, 'fin'],
    [{ kind: 'truncate', after: 1000 }, 1000, 'fin'],
  ])('%o', async (fault, bytes, end) => {
    await using secure = await startRegistry({ tls: { auto: true }, seed: { 'team/app': { '1.0': image } } });
    expect(secure.url).toMatch(/^https:/);
    expect(secure.authority?.pem).toContain('BEGIN CERTIFICATE');
    secure.faults.add({ match: { operation: 'blob.get' }, fault });
    const answer = await exchange(secure.url, get);
    expect(answer.end).toBe(end);
    expect(answer.body).toEqual(Buffer.from(layer.bytes.subarray(0, bytes)));
  });
});

/** How a request by node:http went. */
async function failureOf(url: string): Promise<string> {
  return await new Promise<string>((resolve) => {
    const sent = request(url, { agent: new Agent() }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => (bytes += chunk.byteLength));
      answer.on('error', (error: NodeJS.ErrnoException) => resolve(`${error.code} after ${bytes} bytes`));
      answer.on('end', () => resolve(`none after ${bytes} bytes`));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(`${error.code} before the answer`));
    sent.end();
  });
}
