import { expect, it, vi } from 'vitest';
import { createClient } from '../../client/index.js';
import { startRegistry } from '../../testing/index.js';
import { ask, clientOf } from './site.js';

const undici = vi.hoisted(() => ({ loads: 0 }));
vi.mock('undici/lib/dispatcher/pool.js', async (original) => {
  undici.loads++;
  return await original();
});

it('loads undici with the first request over a socket, not before', async () => {
  await using registry = await startRegistry();
  await using client = createClient();
  await (await clientOf(registry).transport(ask(registry, '/v2/'))).discard();
  expect(undici.loads).toBe(0);
  await (await client.transport(ask(registry, '/v2/'))).discard();
  expect(undici.loads).toBe(1);
});
