import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../registry/storage/open.js';
import { problemsOf } from '../helpers/storage/consistency.js';
import { Client } from '../helpers/storage/crash-client.js';
import { blobPool } from '../helpers/storage/pusher.js';
import { Random } from '../helpers/storage/random.js';
import { buildServer, startServer } from '../helpers/storage/server-process.js';
import { tempFolder } from '../helpers/temp.js';

const SCALE = Number(process.env.SCALE ?? 1);
const ROUNDS = Math.ceil(100 * SCALE);
/** No round is begun after this many milliseconds. */
const TIME = 120_000 * SCALE;
const SEED = Number(process.env.SEED ?? 1);
const CLIENTS = 4;
const INLINE_LIMIT = 64 * 1024;

describe.each(['auto', 'leveldb'] as const)('a server on a folder of kind %s', (kind) => {
  it(
    'has everything that it acknowledged when it is killed at any moment',
    async () => {
      const program = await buildServer();
      const folder = await tempFolder();
      const random = new Random(SEED);
      const pool = blobPool(24);
      const clients = Array.from(
        { length: CLIENTS },
        (_, at) => new Client(`client-${at}`, pool, new Random(SEED * 100 + at)),
      );
      const started = Date.now();
      let round = 0;
      for (; round < ROUNDS && Date.now() - started < TIME; round++) {
        const options = { kind, folder, lease: 150, inlineLimit: INLINE_LIMIT, collectEvery: 10 };
        const server = await startServer(program, options);
        try {
          await Promise.all(clients.map((client) => client.check(server.url)));
          const load = Promise.all(clients.map((client) => client.load()));
          await delay(10 + random.below(500));
          await server.kill();
          await load;
        } finally {
          await server.kill();
        }
        if (round % 4 === 3) expect(await inspect(kind, folder)).toEqual([]);
      }
      expect(await inspect(kind, folder)).toEqual([]);
      const done = clients.reduce((sum, client) => sum + client.done, 0);
      process.stdout.write(`${kind}: killed ${round} times, ${done} operations acknowledged\n`);
      expect(done).toBeGreaterThan(round);
    },
    TIME + 120_000,
  );
});

it('a folder that a process serves is opened by no other, and trying loses nothing', async () => {
  const program = await buildServer();
  for (const kind of ['auto', 'leveldb'] as const) {
    const folder = await tempFolder();
    const options = { kind, folder, lease: 60_000, inlineLimit: INLINE_LIMIT, collectEvery: 10 };
    const server = await startServer(program, options);
    const client = new Client('client-0', blobPool(6), new Random(SEED));
    try {
      await client.check(server.url);
      const load = client.load();
      for (let tries = 0; tries < 10; tries++)
        await expect(openStore({ kind, folder })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
      await expect(startServer(program, options)).rejects.toThrow('the server ended');
      await server.kill();
      await load;
    } finally {
      await server.kill();
    }
    expect(await inspect(kind, folder)).toEqual([]);
    const again = await startServer(program, options);
    try {
      await client.check(again.url);
    } finally {
      await again.kill();
    }
  }
});

/** Looks at the folder from within: what is wrong with it. */
async function inspect(kind: 'auto' | 'leveldb', folder: string): Promise<string[]> {
  const store = await openStore({ kind, folder });
  try {
    return await problemsOf(store);
  } finally {
    await store.close();
  }
}
