import { describe, expect, it } from 'vitest';
import { KINDS, MISHAPS, countSteps, mishapAt } from '../../helpers/storage/crash.js';

/** Every so many steps here; the long suite takes every one, and many seeds. */
const STRIDE = 3;

describe.each(KINDS)('a %s store', (kind) => {
  it.each(MISHAPS)('keeps all that was acknowledged, and nothing in part: %s', async (mishap) => {
    const seed = 7;
    const steps = await countSteps(kind, seed);
    expect(steps).toBeGreaterThan(100);
    const problems: string[] = [];
    for (let step = 1; step <= steps; step += STRIDE) {
      for (const problem of await mishapAt(step, mishap, kind, seed + step))
        problems.push(`step ${step}: ${problem}`);
    }
    expect(problems).toEqual([]);
  });
});
