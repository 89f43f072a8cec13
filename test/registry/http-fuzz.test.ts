import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkFolder, fuzzFetch, fuzzSocket, plant } from './fuzz-run.js';
import { open } from './helpers.js';

/** The short runs take the same requests each time; test/long/fuzz.test.ts takes others. */
const SEED = 20_260_801;

let parent = '';
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'ocilot-'));
});
afterEach(async () => {
  await rm(parent, { recursive: true });
});

it('mutated requests fail nothing, by fetch', async () => {
  await using site = await open({ storage: { kind: 'auto', folder: join(parent, 'data') } });
  const check = await plant(site);
  const { statuses } = await fuzzFetch(site, { count: 2500, seed: SEED });
  for (const status of [200, 201, 202, 204, 206, 304, 400, 404, 405, 412, 416])
    expect(statuses[status] ?? 0, `answers with ${status}`).toBeGreaterThan(0);
  await check();
  await checkFolder(parent, 'data');
});

it('mutated requests fail nothing, by socket', async () => {
  await using site = await open({ storage: { kind: 'auto', folder: join(parent, 'data') } }, 'socket');
  const check = await plant(site);
  const { statuses } = await fuzzSocket(site, { count: 2000, seed: SEED });
  for (const status of [200, 201, 202, 400, 404, 405])
    expect(statuses[status] ?? 0, `answers with ${status}`).toBeGreaterThan(0);
  await check();
  await checkFolder(parent, 'data');
});

it('mutated requests fail nothing where credentials, proxies and limits count', async () => {
  await using site = await open({
    access: {
      mode: 'bearer',
      users: { ann: 'secret' },
      rules: [{ repositories: '**', pull: ['*'], push: ['*'], delete: ['*'] }],
    },
    trustProxy: true,
    quotas: { fuzz: 5_000_000 },
    rateLimit: { perSecond: 1e9 },
  });
  const check = await plant(site);
  const { statuses } = await fuzzFetch(site, { count: 1500, seed: SEED + 1 });
  for (const status of [200, 201, 202, 400, 401, 404])
    expect(statuses[status] ?? 0, `answers with ${status}`).toBeGreaterThan(0);
  await check();
});
