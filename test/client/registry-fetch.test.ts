import { describe, expect, it } from 'vitest';
import { digestOf } from '../../oci/index.js';
import { registryFetch, staticKeychain } from '../../client/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { ALICE, USERS, clientOf } from './site.js';

const seed = { 'team/app': { v1: { files: { '/a': 'a' } } } } as const;
const TEXT = 'some content';

async function site(): Promise<TestRegistry> {
  const registry = await startRegistry({ access: { mode: 'bearer', users: USERS } });
  await registry.seed(seed);
  return registry;
}

describe.each([false, true])('registryFetch, over a socket: %s', (socket) => {
  it('reads and writes with the credentials of the client', async () => {
    await using registry = await site();
    await using client = clientOf(registry, { socket, keychain: staticKeychain(ALICE) });
    const fetch = registryFetch(client);
    const tags = await fetch(`${registry.url}/v2/team/app/tags/list`);
    expect([tags.status, tags.ok, tags.headers.get('content-type')]).toEqual([200, true, 'application/json']);
    expect(tags.url).toBe(`${registry.url}/v2/team/app/tags/list`);
    expect(await tags.json()).toEqual({ name: 'team/app', tags: ['v1'] });
    const catalog = await fetch(new URL('/v2/_catalog', registry.url));
    expect(await catalog.json()).toEqual({ repositories: ['team/app'] });
    const head = await fetch(`${registry.url}/v2/team/app/manifests/v1`, { method: 'HEAD' });
    expect([head.status, head.body, head.headers.get('docker-content-digest')]).toEqual([
      200,
      null,
      expect.stringMatching(/^sha256:/),
    ]);
    for (const [at, body] of [TEXT, Buffer.from(TEXT), new Blob([TEXT])].entries()) {
      const url = `${registry.url}/v2/team/new${at}/blobs/uploads/?digest=${digestOf(TEXT)}`;
      const put = await fetch(url, { method: 'POST', body });
      expect(put.status).toBe(201);
    }
    const gone = await fetch(`${registry.url}/v2/team/app/manifests/v1`, { method: 'DELETE' });
    expect([gone.status, await gone.text()]).toEqual([202, '']);
    expect((await fetch(`${registry.url}/v2/team/app/manifests/v1`)).status).toBe(404);
  });

  it('sends a stream once', async () => {
    await using registry = await site();
    await using client = clientOf(registry, { socket, keychain: staticKeychain(ALICE) });
    const fetch = registryFetch(client);
    const put = (): Promise<Response> =>
      fetch(`${registry.url}/v2/team/b/blobs/uploads/?digest=${digestOf(TEXT)}`, {
        method: 'POST',
        body: new Blob([TEXT]).stream(),
      });
    await expect(put()).rejects.toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    // Now the client knows how the registry wants to be spoken to.
    expect((await put()).status).toBe(201);
    registry.faults.add({ times: 1, match: { method: 'POST' }, fault: { kind: 'status', status: 503 } });
    expect((await put()).status).toBe(503);
  });

  it('retries, gives an answer up when nobody reads it, and stops by the signal', async () => {
    await using registry = await startRegistry();
    await registry.seed(seed);
    registry.faults.add({ times: 1, fault: { kind: 'status', status: 503 } });
    await using client = clientOf(registry, { socket, perHost: 1 });
    const fetch = registryFetch(client);
    const url = `${registry.url}/v2/team/app/tags/list`;
    const first = await fetch(url);
    await first.body?.cancel();
    const second = await fetch(url);
    expect([first.status, second.status, registry.requests.count()]).toEqual([200, 200, 3]);
    await second.text();
    const reason = new Error('enough');
    await expect(fetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('registryFetch and redirects', () => {
  it.each([
    ['manual', 307],
    ['error', 'DENIED'],
    ['follow', 200],
  ] as const)('%s: %s', async (redirect, outcome) => {
    await using registry = await startRegistry({ socket: false });
    const headers = { location: '/v2/' };
    registry.faults.add({ times: 1, fault: { kind: 'status', status: 307, headers } });
    const asked = registryFetch(clientOf(registry))(`${registry.url}/elsewhere`, { redirect });
    expect(
      await asked.then(
        ({ status }) => status,
        (error: { code: string }) => error.code,
      ),
    ).toBe(outcome);
  });
});
