import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { OpenOptions } from '../../../registry/storage/open.js';
import type { Store } from '../../../registry/storage/store.js';
import { MODEL_RULES, compare, optionsFor, sequences, type Real } from './commands.js';
import { problemsOf } from './consistency.js';
import { Model } from './model.js';

/** Where a run keeps its store. */
export interface Medium {
  open(options: OpenOptions): Promise<Store>;
  /** The process ends without a goodbye; undefined where that cannot be played. */
  kill?(store: Store): Promise<void>;
}

/** Does the same to the store and to the model, and expects the same of both. */
export async function runModel(
  medium: () => Promise<Medium>,
  runs: number,
  length: number,
  seed?: number,
): Promise<void> {
  const property = fc.asyncProperty(sequences(length), async (commands) => {
    const place = await medium();
    const model = new Model(MODEL_RULES);
    const options = optionsFor(model);
    const real: Real = {
      store: await place.open(options),
      ids: new Map(),
      mortal: place.kill !== undefined,
      async reopen(clean) {
        if (!clean) await place.kill?.(real.store);
        return await place.open(options);
      },
    };
    try {
      await fc.asyncModelRun(() => ({ model, real }), commands);
      await compare(model, real);
      expect(await problemsOf(real.store, { sparse: true })).toEqual([]);
      model.time += 100_000;
      model.collect(true, true);
      await real.store.collect({ untagged: true, force: true });
      await compare(model, real);
      expect(await problemsOf(real.store, { sparse: true, orphans: true })).toEqual([]);
    } finally {
      await real.store.close();
    }
  });
  await fc.assert(property, { numRuns: runs, ...(seed === undefined ? {} : { seed }), endOnFailure: false });
}
