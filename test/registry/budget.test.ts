import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../registry/budget.js';

describe('Budget', () => {
  it('gives in order, and never more than there is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: 15 }), fc.boolean()), { maxLength: 30 }),
        async (steps) => {
          const budget = new Budget(10);
          const got: number[] = [];
          const held: { readonly amount: number; readonly giveBack: () => void }[] = [];
          const done = steps.map(async ([amount], at) => {
            const giveBack = await budget.take(amount);
            got.push(at);
            held.push({ amount: Math.min(amount, 10), giveBack });
          });
          while (got.length < steps.length || held.length > 0) {
            await Promise.resolve();
            expect(held.reduce((sum, { amount }) => sum + amount, 0)).toBeLessThanOrEqual(10);
            const first = held.shift();
            first?.giveBack();
            // What was given back once is not given back again.
            if (steps[got.length]?.[1] === true) first?.giveBack();
          }
          await Promise.all(done);
          expect(got).toEqual(steps.map((_, at) => at));
        },
      ),
    );
  });
});
