import { expect, it } from 'vitest';
import { runConformance, socketWire } from '../../conformance/index.js';
import { startRegistry } from '../../testing/index.js';

it(
  'a test registry meets the strict profile, with no failure and no skip',
  { timeout: 120_000 },
  async () => {
    await using registry = await startRegistry();
    // What takes the place of the first one is a whole registry too.
    await registry.restore(registry.snapshot());
    const wire = socketWire(registry.url);
    try {
      const { results } = await runConformance({ wire, options: { profile: 'strict' } });
      expect(results.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
      expect(results.length).toBeGreaterThan(200);
    } finally {
      wire.close();
    }
  },
);
