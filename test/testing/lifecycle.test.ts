import { Agent, get } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { randomImage, startRegistry } from '../../testing/index.js';
import { exchange, openWire, requestHead } from './wire.js';

const image = randomImage();
const seed = { app: { '1.0': image } };
const blob = requestHead('GET', `/v2/app/blobs/${image.config.descriptor.digest}`);

/**
 * What keeps this process alive, but for the test runner's own timers and pipes. Handles close at the end of the turn in
 * which they are told to.
 */
async function resources(): Promise<string[]> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
  return process.getActiveResourcesInfo().filter((name) => name !== 'Timeout' && name !== 'PipeWrap');
}

const sockets = async (): Promise<number> =>
  (await resources()).filter((resource) => resource === 'TCPSocketWrap').length;

describe('close', () => {
  it('ends idle, stalled and busy connections at once and leaves nothing behind', async () => {
    const registry = await startRegistry({
      seed,
      faults: [
        { match: { operation: 'manifest.get' }, fault: { kind: 'stall' } },
        { match: { operation: 'blob.get' }, fault: { kind: 'stall', after: 10 } },
      ],
    });
    const idle = await openWire(registry.url);
    idle.write(requestHead('GET', '/v2/'));
    await idle.body(2);
    const silent = await openWire(registry.url);
    silent.write(requestHead('GET', '/v2/app/manifests/1.0'));
    await registry.requests.waitFor({ operation: 'manifest.get' });
    const halfway = await openWire(registry.url);
    halfway.write(blob);
    await halfway.body(10);
    const started = await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' });
    const upload = started.headers.get('location') ?? '';
    const sending = await openWire(registry.url);
    sending.write(requestHead('PATCH', upload, { 'content-length': 100, expect: '100-continue' }));
    expect((await sending.body(0)).status).toBe(100);
    sending.write('some');

    await registry.close();

    const ends = await Promise.all([idle.end(), silent.end(), halfway.end(), sending.end()]);
    expect(ends.map(({ status }) => status)).toEqual([200, 0, 200, 100]);
    expect(ends[2]?.body).toHaveLength(10);
    expect(await resources()).toEqual([]);
  });

  it('may be called again and again, before and after the end', async () => {
    const registry = await startRegistry();
    await Promise.all([registry.close(), registry.close(), registry[Symbol.asyncDispose]()]);
    await registry.close();
  });

  it('is what the end of a block does', async () => {
    let url: string;
    {
      await using registry = await startRegistry();
      ({ url } = registry);
    }
    await expect(exchange(url, requestHead('GET', '/v2/'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await resources()).toEqual([]);
  });

  it('ends the connections that an agent keeps', async () => {
    const registry = await startRegistry();
    const agent = new Agent({ keepAlive: true });
    const socket = await new Promise<NodeJS.EventEmitter>((resolve, reject) => {
      get(`${registry.url}/v2/`, { agent }, (answer) => {
        const { socket: own } = answer;
        answer.resume().on('end', () => resolve(own));
      }).on('error', reject);
    });
    const ended = new Promise((resolve) => {
      socket.once('close', resolve);
    });
    await registry.close();
    await ended;
    expect(await resources()).toEqual([]);
  });
});

describe('a stall', () => {
  it('keeps no process alive', async () => {
    await using registry = await startRegistry({
      seed,
      faults: [
        { match: { operation: 'blob.get' }, fault: { kind: 'stall', after: 10 }, times: 1 },
        { match: { operation: 'blob.get' }, fault: { kind: 'stall' }, skip: 1 },
      ],
    });
    const wire = await openWire(registry.url);
    // Both of its ends are here.
    expect(await sockets()).toBe(2);
    wire.write(blob);
    await wire.body(10);
    expect(await sockets()).toBe(1);
    registry.faults.release();
    await wire.body(image.config.bytes.byteLength);
    expect(await sockets()).toBe(2);
    wire.write(blob);
    await registry.requests.waitFor({ faulted: 'stall', status: 0 });
    expect(await sockets()).toBe(1);
    await wire.close();
    expect(await sockets()).toBe(0);
  });
});
