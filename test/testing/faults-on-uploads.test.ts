import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../oci/index.js';
import { seededBytes, startRegistry, type Fault, type TestRegistry } from '../../testing/index.js';
import { exchange, openWire, requestHead } from './wire.js';

const bytes = Buffer.from(seededBytes('upload', 3_000_000));
const digest = digestOf(bytes);

let registry: TestRegistry;
let upload: string;

beforeEach(async () => {
  registry = await startRegistry();
  const started = await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' });
  upload = started.headers.get('location') ?? '';
  registry.requests.clear();
});

afterEach(async () => {
  await registry.close();
});

/** Where the upload stands, as a client would ask. */
async function standing(): Promise<string | null> {
  return (await registry.fetch(upload)).headers.get('range');
}

const patch = (length: number, more: Record<string, string> = {}): string =>
  requestHead('PATCH', upload, { 'content-length': length, ...more });

describe('faults while a body comes in', () => {
  it.each([1, 1000, 600_000, 2_500_000])('reset after %i bytes: those are kept, then RST', async (after) => {
    const fault: Fault = { kind: 'reset', after, of: 'request' };
    registry.faults.add({ match: { operation: 'upload.append' }, times: 1, fault });
    const answer = await exchange(registry.url, patch(bytes.byteLength), bytes);
    expect(answer).toMatchObject({ status: 0, end: 'rst' });
    expect(registry.requests.filter({ faulted: 'reset' })).toMatchObject([
      { operation: 'upload.append', status: 0, received: after, sent: 0, attempt: 1 },
    ]);
    // The client goes on from there, and what comes out is what went in.
    expect(await standing()).toBe(`0-${after - 1}`);
    const rest = await registry.fetch(`${upload}?digest=${digest}`, {
      method: 'PUT',
      body: bytes.subarray(after),
    });
    expect(rest.status).toBe(201);
  });

  it('reset at the first byte', async () => {
    registry.faults.add({ fault: { kind: 'reset', after: 0, of: 'request' }, times: 1 });
    expect(await exchange(registry.url, patch(5), 'hello')).toMatchObject({ status: 0, end: 'rst' });
    expect(registry.requests.filter({ faulted: true })).toMatchObject([{ received: 0 }]);
  });

  it('reset within a body of unknown length', async () => {
    registry.faults.add({ fault: { kind: 'reset', after: 7, of: 'request' }, times: 1 });
    const head = requestHead('PATCH', upload, { 'transfer-encoding': 'chunked' });
    expect(await exchange(registry.url, head, '5\r\nhello\r\n', '5\r\nworld\r\n')).toMatchObject({
      end: 'rst',
    });
    expect(await standing()).toBe('0-6');
  });

  it('a body that is shorter than the fault comes through', async () => {
    registry.faults.add({ fault: { kind: 'reset', after: 5, of: 'request' } });
    const known = await exchange(registry.url, patch(5, { connection: 'close' }), 'hello');
    expect(known).toMatchObject({ status: 202, end: 'fin' });
    const head = requestHead('PATCH', upload, { 'transfer-encoding': 'chunked', connection: 'close' });
    const unknown = await exchange(registry.url, head, '4\r\nhell\r\n0\r\n\r\n');
    expect(unknown).toMatchObject({ status: 202, end: 'fin' });
    expect(registry.requests.count({ faulted: true })).toBe(0);
    expect([...registry.requests].map(({ received }) => received)).toEqual([5, 4]);
  });

  it('an answer in place of the registry: the body is not taken', async () => {
    registry.faults.add({ fault: { kind: 'status', status: 500, body: 'broken' }, times: 1 });
    const answer = await exchange(registry.url, patch(5, { connection: 'close' }), 'hello');
    expect(answer).toMatchObject({ status: 500, body: Buffer.from('broken') });
    expect(registry.requests.filter({ faulted: true })).toMatchObject([{ received: 0, sent: 6 }]);
    expect((await registry.fetch(upload)).headers.get('range')).toBe('0-0');
  });
});

describe('faults after the work is done', () => {
  it.each<[string, Fault]>([
    ['an error', { kind: 'status', status: 502, handled: true }],
    ['a reset', { kind: 'reset', handled: true }],
  ])('%s in place of the answer', async (_, fault) => {
    registry.faults.add({ match: { operation: 'upload.append' }, times: 1, fault });
    const answer = await exchange(registry.url, patch(5, { connection: 'close' }), 'hello');
    expect(answer.status).toBe(fault.kind === 'status' ? 502 : 0);
    expect(registry.requests.filter({ faulted: true })).toMatchObject([{ received: 5 }]);
    expect(await standing()).toBe('0-4');
  });

  it('a stall before the answer', async () => {
    registry.faults.add({ match: { operation: 'upload.append' }, fault: { kind: 'stall', handled: true } });
    const wire = await openWire(registry.url);
    wire.write(patch(5, { connection: 'close' }));
    wire.write('hello');
    await registry.requests.waitFor({ faulted: 'stall' });
    expect(await standing()).toBe('0-4');
    expect(wire.socket.bytesRead).toBe(0);
    registry.faults.release();
    expect(await wire.end()).toMatchObject({ status: 202, end: 'fin' });
  });
});
