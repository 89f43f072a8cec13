import { describe, expect, it } from 'vitest';
import { copy, type CopyOptions } from '../../image/copy/index.js';
import { remoteSink, remoteSource } from '../../client/index.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { withBody, type Transport } from '../../client/transport.js';
import { randomImage, startRegistry, type FaultRule, type TestRegistry } from '../../testing/index.js';
import { AT_ONCE, USERS, clientOf, counting, repositoryOf } from './site.js';

const CHUNK = 4000;
/** Layers in several pieces, and others in one. */
const IMAGES = {
  large: randomImage({ layers: 6, layerSize: 20_000, seed: 'large' }),
  small: randomImage({ layers: 6, layerSize: 500, seed: 'small' }),
};
const TAGS = Object.keys(IMAGES);

/** What comes in chunks of 1000 bytes, as much of it from a network does. */
function dripping(registry: TestRegistry): Transport {
  const send = fetchDriver((request) => registry.fetch(request));
  async function* drops(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of body)
      for (let at = 0; at < bytes.byteLength; at += 1000) yield bytes.subarray(at, at + 1000);
  }
  return async (request) => {
    const response = await send(request);
    return withBody(response, { body: drops(response.body), discard: () => response.discard() });
  };
}

describe('a copy from a registry to itself, without mounts', () => {
  it('says nothing about the number of listeners of its signals', async () => {
    const warned: string[] = [];
    const listen = (warning: Error): number => warned.push(warning.name);
    process.on('warning', listen);
    try {
      const { signal } = new AbortController();
      await crossing(8, { signal });
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('warning', listen);
    }
    expect(warned).toEqual([]);
  });

  it.each([1, 2, 5])('ends with more blobs at once than requests: %i', async (perHost) => {
    await crossing(perHost);
  });

  it.each([1, 2, 5])('ends where blobs are read again while they are sent: %i', async (perHost) => {
    await crossing(perHost, {}, AGAIN);
  });
});

/** What has a blob read again while it is sent. */
const AGAIN: readonly FaultRule[] = [
  { match: { operation: 'blob.get', method: 'GET' }, fault: { kind: 'truncate', after: 300 }, times: 20 },
  { match: { operation: 'upload.append' }, fault: { kind: 'expiredToken' }, times: 10 },
  { match: { operation: 'upload.finish' }, fault: { kind: 'expiredToken' }, times: 10 },
  { match: { operation: 'upload.append' }, fault: { kind: 'reset', of: 'request', after: 2000 }, times: 3 },
];

async function crossing(
  perHost: number,
  options: CopyOptions = {},
  faults: readonly FaultRule[] = [],
): Promise<void> {
  await using registry = await startRegistry({
    socket: false,
    profile: 'noMount',
    access: { mode: 'bearer', users: USERS },
    seed: { 'team/from': IMAGES },
  });
  for (const rule of faults) registry.faults.add(rule);
  const client = clientOf(registry, { perHost, driver: dripping(registry), keychain: counting() });
  const source = remoteSource(repositoryOf(registry, 'team/from', client), { retry: AT_ONCE });
  const sink = remoteSink(repositoryOf(registry, 'team/to', client), { chunkSize: CHUNK, retry: AT_ONCE });
  const roots = await Promise.all(
    TAGS.map(async (tag) => {
      const descriptor = await source.resolve(tag);
      if (descriptor === undefined) throw new Error(`there is no ${tag}`);
      return { descriptor, tags: [tag] };
    }),
  );
  await copy(source, sink, roots, { jobs: 14, ...options });
  const copied = await Promise.all(TAGS.map(async (tag) => (await sink.resolve(tag))?.digest));
  expect(copied).toEqual(roots.map(({ descriptor }) => descriptor.digest));
}
