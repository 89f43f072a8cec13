import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { randomImage, startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';

const tags = async (registry: TestRegistry): Promise<unknown> =>
  ((await (await registry.fetch('/v2/app/tags/list')).json()) as { tags?: string[] }).tags;

describe('snapshot and restore', () => {
  it('goes back to what was there, as often as wanted', async () => {
    await using registry = await startRegistry({ seed: { app: { base: { layers: 1 } } } });
    const snapshot = registry.snapshot();
    for (let round = 0; round < 3; round++) {
      await registry.seed({ app: { [`tag-${round}`]: { files: { a: String(round) } } } });
      await fetch(`${registry.url}/v2/app/manifests/base`, { method: 'DELETE' });
      expect(await tags(registry)).toEqual([`tag-${round}`]);
      await registry.restore(snapshot);
      expect(await tags(registry)).toEqual(['base']);
    }
    expect(registry.requests.count({ operation: 'manifest.delete' })).toBe(3);
  });

  it('keeps faults, switches and the log', async () => {
    await using registry = await startRegistry({ socket: false, seed: { app: { '1': {} } } });
    const snapshot = registry.snapshot();
    registry.readOnly(true);
    registry.faults.add({ match: { operation: 'tags.list' }, fault: { kind: 'status', status: 500 } });
    await registry.restore(snapshot);
    expect((await registry.fetch('/v2/app/tags/list')).status).toBe(500);
    expect((await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' })).status).toBe(403);
    expect(registry.requests.length).toBe(2);
  });

  it('lets a request end with what it began with, and its upload be unknown', async () => {
    await using registry = await startRegistry({ socket: false });
    const snapshot = registry.snapshot();
    const started = await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' });
    const path = started.headers.get('location') ?? '';
    let more: (bytes: Uint8Array) => void = () => undefined;
    let end: () => void = () => undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        more = (bytes) => controller.enqueue(bytes);
        end = () => controller.close();
      },
    });
    const init: RequestInit & { duplex: 'half' } = { method: 'PATCH', body, duplex: 'half' };
    const sent = registry.fetch(path, init);
    more(Buffer.from('before'));
    await registry.restore(snapshot);
    more(Buffer.from('after'));
    end();
    const answer = await sent;
    expect(answer.status).toBe(202);
    expect(answer.headers.get('range')).toBe('0-10');
    expect((await registry.fetch(path)).status).toBe(404);
  });

  it.each([100_000, 3_000_000])('lets an answer of %i bytes under way come whole', async (layerSize) => {
    const image = randomImage({ layers: 1, layerSize });
    const { bytes, descriptor } = image.layers[0] ?? image.config;
    await using registry = await startRegistry();
    const empty = registry.snapshot();
    await registry.seed({ app: { '1': image } });
    registry.faults.add({ match: { operation: 'blob.get' }, fault: { kind: 'stall', after: 10 } });
    const answer = await fetch(`${registry.url}/v2/app/blobs/${descriptor.digest}`);
    await registry.requests.waitFor({ faulted: 'stall' });
    await registry.restore(empty);
    registry.faults.clear();
    expect((await fetch(`${registry.url}/v2/app/blobs/${descriptor.digest}`)).status).toBe(404);
    // The rest is read from what is no longer the registry's.
    const whole = answer.arrayBuffer();
    while (registry.faults.release() === 0) await setImmediate();
    expect(Buffer.compare(Buffer.from(await whole), bytes)).toBe(0);
  });

  it('brings back an upload that was under way', async () => {
    await using registry = await startRegistry({ socket: false });
    const started = await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' });
    const path = started.headers.get('location') ?? '';
    await registry.fetch(path, { method: 'PATCH', body: 'hello' });
    const snapshot = registry.snapshot();
    await registry.fetch(path, { method: 'DELETE' });
    expect((await registry.fetch(path)).status).toBe(404);
    await registry.restore(snapshot);
    expect((await registry.fetch(path)).headers.get('range')).toBe('0-4');
  });

  it('starts another registry, and both go their own ways', async () => {
    const image = randomImage({ layerSize: 2_000_000 });
    await using first = await startRegistry({ seed: { app: { '1': image } } });
    await using second = await startRegistry({ storage: { kind: 'memory', from: first.snapshot() } });
    await first.seed({ app: { one: {} } });
    await second.seed({ app: { two: {} } });
    expect(await tags(first)).toEqual(['1', 'one']);
    expect(await tags(second)).toEqual(['1', 'two']);
    const layer = image.layers[0] ?? image.config;
    const answer = await fetch(`${second.url}/v2/app/blobs/${layer.descriptor.digest}`);
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), layer.bytes)).toBe(0);
  });

  it('keeps tokens good: the key is content too', async () => {
    await using registry = await startRegistry({ socket: false, users: { bob: 'pw' }, auth: 'bearer' });
    const snapshot = registry.snapshot();
    const challenge = (await registry.fetch('/v2/')).headers.get('www-authenticate') ?? '';
    const realm = new URL(/realm="([^"]+)"/.exec(challenge)?.[1] ?? '');
    const answer = await registry.fetch(realm.pathname, {
      headers: { authorization: `Basic ${Buffer.from('bob:pw').toString('base64')}` },
    });
    const { token } = (await answer.json()) as { token: string };
    await registry.restore(snapshot);
    const headers = { authorization: `Bearer ${token}` };
    expect((await registry.fetch('/v2/', { headers })).status).toBe(200);
  });

  it('is refused by a registry on disk', async () => {
    await using registry = await startRegistry({ storage: { kind: 'auto', folder: await tempFolder() } });
    await using memory = await startRegistry({ socket: false });
    expect(() => registry.snapshot()).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    await expect(registry.restore(memory.snapshot())).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});
