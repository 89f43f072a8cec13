import { describe, expect, it } from 'vitest';
import { copy, type CopyOptions } from '../../image/copy/index.js';
import { remoteSink, remoteSource } from '../../client/index.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { withBody, type Transport } from '../../client/transport.js';
import { randomImage, startRegistry, type TestRegistry } from '../../testing/index.js';
import { AT_ONCE, clientOf, repositoryOf } from './site.js';

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
});

async function crossing(perHost: number, options: CopyOptions = {}): Promise<void> {
  await using registry = await startRegistry({
    socket: false,
    profile: 'noMount',
    seed: { 'team/from': IMAGES },
  });
  const client = clientOf(registry, { perHost, driver: dripping(registry) });
  const source = remoteSource(repositoryOf(registry, 'team/from', client));
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
