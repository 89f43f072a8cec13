import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listen, type RequestEntry } from '../../registry/index.js';
import { startRegistry } from '../../testing/index.js';
import { exchange, requestHead } from './wire.js';

describe('startRegistry', () => {
  it('listens on a free port of loopback', async () => {
    await using one = await startRegistry();
    await using two = await startRegistry();
    expect(one.url).toBe(`http://127.0.0.1:${one.port}`);
    expect(one.host).toBe(`127.0.0.1:${one.port}`);
    expect(two.port).not.toBe(one.port);
    expect((await fetch(`${one.url}/v2/`)).status).toBe(200);
    await one.close();
    await expect(fetch(`${one.url}/v2/`)).rejects.toThrow();
    expect((await fetch(`${two.url}/v2/`)).status).toBe(200);
  });

  it('answers its own fetch as if it came over the socket', async () => {
    await using registry = await startRegistry({ seed: { app: { '1.0': {} } } });
    const path = '/v2/app/manifests/1.0';
    const over = await fetch(registry.url + path);
    for (const input of [path, new URL(path, registry.url), new Request(registry.url + path)]) {
      const past = await registry.fetch(input);
      expect(past.headers.get('docker-content-digest')).toBe(over.headers.get('docker-content-digest'));
      expect((await past.json()) as object).toMatchObject({ schemaVersion: 2 });
    }
    expect(registry.requests.count({ path })).toBe(4);
  });

  it('needs no socket', async () => {
    await using registry = await startRegistry({ socket: false });
    expect(registry.url).toBe('http://localhost');
    expect(registry.host).toBe('localhost');
    const started = await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' });
    expect(started.status).toBe(202);
    const at = new URL(started.headers.get('location') ?? '', registry.url);
    const stored = await registry.fetch(
      `${at.href}?digest=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
      { method: 'PUT' },
    );
    expect(stored.status).toBe(201);
  });

  it('takes the options of any registry', async () => {
    const told: RequestEntry[] = [];
    await using registry = await startRegistry({
      socket: false,
      deletes: { enabled: false },
      onRequest: (entry) => void told.push(entry),
    });
    expect((await registry.fetch('/v2/app/manifests/1.0', { method: 'DELETE' })).status).toBe(405);
    expect(told).toMatchObject([{ operation: 'manifest.delete', status: 405 }]);
  });

  it('collects nothing by itself unless asked to', async () => {
    await using plain = await startRegistry({ socket: false });
    expect(plain.registry.options.collection).toEqual({ every: 0, untagged: false });
    await using busy = await startRegistry({ socket: false, collection: { every: 5000, untagged: true } });
    expect(busy.registry.options.collection).toEqual({ every: 5000, untagged: true });
  });

  it('keeps content in a folder when told so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ocilot-testing-'));
    try {
      const storage = { kind: 'auto', folder } as const;
      await using first = await startRegistry({ socket: false, storage, seed: { app: { '1.0': {} } } });
      await first.close();
      await using second = await startRegistry({ socket: false, storage });
      expect((await second.fetch('/v2/app/manifests/1.0')).status).toBe(200);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('makes the same ids of the same seed', async () => {
    const ids = async (idSeed?: number): Promise<(string | null)[]> => {
      await using registry = await startRegistry({
        socket: false,
        ...(idSeed === undefined ? {} : { idSeed }),
      });
      const start = async (): Promise<string | null> =>
        (await registry.fetch('/v2/app/blobs/uploads/', { method: 'POST' })).headers.get('location');
      return [await start(), await start()];
    };
    const seven = await ids(7);
    expect(await ids(7)).toEqual(seven);
    expect(new Set([...seven, ...(await ids(8)), ...(await ids()), ...(await ids())]).size).toBe(8);
  });

  it('lends its registry to another socket, log and faults and all', async () => {
    await using registry = await startRegistry({ socket: false });
    await using server = await listen(registry.registry, { port: 0, grace: 0 });
    registry.faults.add({ fault: { kind: 'reset' } });
    expect(await exchange(server.url, requestHead('GET', '/v2/'))).toMatchObject({ end: 'rst' });
    expect(registry.requests.count({ faulted: true })).toBe(1);
  });

  it.each([
    [{ faults: [{ fault: { kind: 'status', status: 99 } }] }, 'status is 99'],
    [{ users: { a: 'b' }, access: { mode: 'none' } }, 'users and access are both given'],
    [{ seed: { app: { '1.0': { layers: -1 } } } }, '-1 layers'],
    [{ lease: -1 }, 'lease is -1'],
  ] as const)('refuses %o', async (options, message) => {
    await expect(startRegistry(options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as string,
    });
  });

  it('says that a port is taken', async () => {
    await using one = await startRegistry();
    await expect(startRegistry({ port: one.port })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(`port ${one.port} on 127.0.0.1 is taken`) as string,
    });
  });
});
