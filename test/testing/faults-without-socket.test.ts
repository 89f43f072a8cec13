import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomImage, startRegistry, type Fault, type TestRegistry } from '../../testing/index.js';

const image = randomImage({ layerSize: 2_000_000 });
const layer = image.layers[0] ?? image.config;
const { size, digest } = layer.descriptor;
const blobPath = `/v2/app/blobs/${digest}`;

let registry: TestRegistry;

beforeEach(async () => {
  registry = await startRegistry({ socket: false, seed: { app: { '1.0': image } } });
});

afterEach(async () => {
  await registry.close();
});

const blob = (fault: Fault): (() => void) => registry.faults.add({ match: { operation: 'blob.get' }, fault });

/** Reads a body to its end: how many of the layer's own bytes came, and what it failed with. */
async function read(answer: Response): Promise<{ bytes: number; error?: unknown }> {
  let bytes = 0;
  try {
    for await (const chunk of answer.body ?? []) {
      expect(Buffer.compare(chunk, layer.bytes.subarray(bytes, bytes + chunk.byteLength))).toBe(0);
      bytes += chunk.byteLength;
    }
  } catch (error) {
    return { bytes, error };
  }
  return { bytes };
}

const networkError = { name: 'TypeError', cause: { code: 'ECONNRESET' } };

describe('faults without a socket', () => {
  it('status', async () => {
    blob({ kind: 'status', status: 429, retryAfter: 3, headers: { 'x-more': 'yes' }, body: { errors: [] } });
    const answer = await registry.fetch(blobPath);
    expect(answer.status).toBe(429);
    expect(Object.fromEntries(answer.headers)).toMatchObject({ 'retry-after': '3', 'x-more': 'yes' });
    expect(await answer.json()).toEqual({ errors: [] });
  });

  it.each([204, 304])('status %i has no body', async (status) => {
    blob({ kind: 'status', status });
    expect(await (await registry.fetch(blobPath)).text()).toBe('');
  });

  it('reset before the answer: the call fails like one over a network', async () => {
    blob({ kind: 'reset' });
    await expect(registry.fetch(blobPath)).rejects.toMatchObject(networkError);
  });

  it.each([0, 1000, 1_500_000])('reset after %i bytes: the body fails', async (after) => {
    blob({ kind: 'reset', after });
    const answer = await registry.fetch(blobPath);
    expect(answer.headers.get('content-length')).toBe(String(size));
    expect(await read(answer)).toMatchObject({ bytes: after, error: networkError });
  });

  it.each([0, 1000, 1_500_000])('truncate after %i bytes: the body just ends', async (after) => {
    blob({ kind: 'truncate', after });
    const answer = await registry.fetch(blobPath);
    expect(answer.headers.get('content-length')).toBe(String(size));
    expect(await read(answer)).toEqual({ bytes: after });
    expect(registry.requests.filter({ faulted: true })).toMatchObject([{ sent: after }]);
  });

  it.each([0, 1000, 1_500_000])('stall after %i bytes, then the rest', async (after) => {
    blob({ kind: 'stall', after });
    const answer = await registry.fetch(blobPath);
    const reading = read(answer);
    // Once so much is sent, only the release can bring more.
    await registry.requests.waitFor(({ sent }) => sent >= after);
    while (registry.faults.release() === 0) await Promise.resolve();
    expect(await reading).toEqual({ bytes: size });
  });

  it('stall before the answer, until it is released', async () => {
    blob({ kind: 'stall' });
    const asked = registry.fetch(blobPath);
    await registry.requests.waitFor({ faulted: 'stall' });
    expect(registry.faults.release()).toBe(1);
    expect(await read(await asked)).toEqual({ bytes: size });
    expect(registry.requests.count()).toBe(1);
  });

  it('stall before the answer, until its client gives up', async () => {
    blob({ kind: 'stall', handled: true });
    const stop = new AbortController();
    const asked = registry.fetch(blobPath, { signal: stop.signal });
    const settled = expect(asked).rejects.toThrow('too slow');
    await registry.requests.waitFor({ faulted: 'stall' });
    stop.abort(new Error('too slow'));
    await settled;
    expect(registry.faults.release()).toBe(0);
  });

  it('stall within the answer, until its client gives up', async () => {
    blob({ kind: 'stall', after: 10 });
    const answer = await registry.fetch(blobPath);
    const reader = answer.body?.getReader();
    expect((await reader?.read())?.value).toHaveLength(10);
    const silent = reader?.read();
    await reader?.cancel();
    expect((await silent)?.done).toBe(true);
    expect(registry.faults.release()).toBe(0);
    // Nobody reads the blob any more: it can go.
    await registry.fetch(`/v2/app/manifests/${image.digest}`, { method: 'DELETE' });
    expect((await registry.fetch(blobPath, { method: 'DELETE' })).status).toBe(202);
  });

  it('bit flip', async () => {
    blob({ kind: 'bitFlip', at: 1_200_000, bit: 4 });
    const bytes = Buffer.from(await (await registry.fetch(blobPath)).arrayBuffer());
    expect(bytes).toHaveLength(size);
    bytes[1_200_000] = (bytes[1_200_000] ?? 0) ^ 16;
    expect(bytes.equals(layer.bytes)).toBe(true);
  });

  it('reset after bytes of a request', async () => {
    registry.faults.add({ fault: { kind: 'reset', after: 3, of: 'request' }, match: { method: 'PATCH' } });
    const started = await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' });
    const upload = started.headers.get('location') ?? '';
    const body = 'hello';
    await expect(registry.fetch(upload, { method: 'PATCH', body })).rejects.toMatchObject(networkError);
    expect((await registry.fetch(upload)).headers.get('range')).toBe('0-2');
    expect(registry.requests.filter({ method: 'PATCH' })).toMatchObject([{ received: 3, status: 0 }]);
    // Without a body there is nothing to wait for.
    expect((await registry.fetch(upload, { method: 'PATCH' })).status).toBe(202);
  });

  it('closing ends what is stalled', async () => {
    blob({ kind: 'stall' });
    registry.faults.add({ match: { operation: 'manifest.get' }, fault: { kind: 'stall', after: 5 } });
    const head = expect(registry.fetch(blobPath)).rejects.toMatchObject(networkError);
    const answer = await registry.fetch('/v2/app/manifests/1.0');
    const body = expect(answer.arrayBuffer()).rejects.toMatchObject(networkError);
    await registry.requests.waitFor({ faulted: true, operation: 'blob.get' });
    await registry.close();
    await Promise.all([head, body]);
  });
});
