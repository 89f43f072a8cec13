import { describe, expect, it } from 'vitest';
import { copy } from '../../image/copy/index.js';
import { memoryStore } from '../../image/memory.js';
import { RemoteRepository, createClient, remoteSource } from '../../client/index.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import type { Transport } from '../../client/transport.js';
import { parsePlatform } from '../../oci/index.js';
import { randomIndex, startRegistry, type TestRegistry } from '../../testing/index.js';
import { AT_ONCE } from './site.js';

/** A registry whose answers about manifests have other headers; undefined leaves one out. */
function telling(registry: TestRegistry, headers: Readonly<Record<string, string | undefined>>): Transport {
  const send = fetchDriver((request) => registry.fetch(request));
  return async (request) => {
    const response = await send(request);
    if (response.status !== 200 || !request.url.includes('/manifests/')) return response;
    return {
      ...response,
      header: (name) => (Object.hasOwn(headers, name) ? headers[name] : response.header(name)),
    };
  };
}

describe('a registry that says of manifests', () => {
  it.each([
    ['no type', { 'content-type': undefined }],
    ['that they are bytes', { 'content-type': 'application/octet-stream' }],
    ['that they are JSON', { 'content-type': 'application/json; charset=utf-8' }],
    ['that they are text', { 'content-type': 'text/plain' }],
    ['no length', { 'content-length': undefined }],
    ['no digest', { 'docker-content-digest': undefined }],
    [
      'nothing',
      { 'docker-content-digest': undefined, 'content-length': undefined, 'content-type': undefined },
    ],
  ])('%s is read from, for one platform too', async (_, headers) => {
    const index = randomIndex();
    await using registry = await startRegistry({ socket: false, seed: { app: { 1: index } } });
    await using client = createClient({ driver: telling(registry, headers), retry: AT_ONCE });
    const source = remoteSource(
      new RemoteRepository(client.transport, { registry: registry.host, repository: 'app' }),
    );
    const root = await source.resolve('1');
    expect(root).toEqual(index.descriptor);
    if (root === undefined) return;
    expect(await source.resolve(index.digest)).toEqual(index.descriptor);
    const report = await copy(source, memoryStore('sink'), [{ descriptor: root }], {
      platforms: [parsePlatform('linux/arm64')],
    });
    expect(report.manifests.put).toBe(1);
  });

  it('that a manifest has no bytes, when it is asked for its head', async () => {
    const index = randomIndex();
    await using registry = await startRegistry({ socket: false, seed: { app: { 1: index } } });
    const send = fetchDriver((request) => registry.fetch(request));
    const driver: Transport = async (request) => {
      const response = await send(request);
      if (request.method !== 'HEAD') return response;
      return {
        ...response,
        header: (name) => (name === 'content-length' ? '0' : response.header(name)),
      };
    };
    await using client = createClient({ driver, retry: AT_ONCE });
    const repository = new RemoteRepository(client.transport, { registry: registry.host, repository: 'app' });
    expect(await repository.resolve('1')).toEqual(index.descriptor);
  });
});
