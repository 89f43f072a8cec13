import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkFolder, fuzzFetch, fuzzSocket, plant } from '../registry/fuzz-run.js';
import { WAYS, open } from '../registry/helpers.js';

/** Other requests each time; a seed that was printed brings back those of its run. */
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);

/** More than a run holds on to: caches that have a limit, and what the collector has not seen to yet. */
const HEAP_BOUND = 48 * 1024 * 1024;

let parent = '';
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'ocilot-'));
  process.stdout.write(`FUZZ_SEED=${SEED}\n`);
});
afterEach(async () => {
  await rm(parent, { recursive: true });
});

describe.each(['auto', 'leveldb'] as const)('on %s', (kind) => {
  const runs = WAYS.flatMap((way) => [1, 8].map((lanes) => [way, lanes] as const));
  it.each(runs)('ten thousand mutated requests fail nothing, by %s, %i at once', async (way, lanes) => {
    await using site = await open({ storage: { kind, folder: join(parent, 'data') } }, way);
    const check = await plant(site);
    const { statuses, grown } = await (way === 'fetch' ? fuzzFetch : fuzzSocket)(site, {
      count: 10_000,
      seed: SEED,
      lanes,
    });
    process.stdout.write(`${JSON.stringify({ kind, way, lanes, grown, statuses })}\n`);
    expect(grown).toBeLessThan(HEAP_BOUND);
    await check();
    await checkFolder(parent, 'data');
  });
});
