import { describe, expect, it } from 'vitest';
import { KINDS, MISHAPS, countSteps, mishapAt } from '../helpers/storage/crash.js';

const SEEDS = 4 * Number(process.env.SCALE ?? 1);

describe.each(KINDS)('a %s store, at every step', (kind) => {
  it.each(MISHAPS)('keeps all that was acknowledged, and nothing in part: %s', async (mishap) => {
    const problems: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const steps = await countSteps(kind, seed);
      for (let step = 1; step <= steps; step++) {
        for (const problem of await mishapAt(step, mishap, kind, seed * 1000 + step))
          problems.push(`seed ${seed}, step ${step}: ${problem}`);
      }
    }
    expect(problems).toEqual([]);
  });
});
