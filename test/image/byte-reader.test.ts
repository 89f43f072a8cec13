import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../image/byte-reader.js';
import { collect, streamOf } from '../../oci/index.js';
import { cut, cuts, noise } from './arbitraries.js';

describe('ByteReader', () => {
  it('gives every byte once, in order, whatever is asked and however the source is cut', async () => {
    const whole = noise(3_000, 9);
    const steps = fc.array(fc.tuple(fc.constantFrom('take', 'some', 'skip', 'unread'), fc.nat(600)));
    await fc.assert(
      fc.asyncProperty(steps, cuts, async (asked, sizes) => {
        const reader = new ByteReader(streamOf(...cut(whole, sizes)));
        let at = 0;
        for (const [how, count] of asked) {
          const left = Math.min(count, whole.length - at);
          if (how === 'skip') {
            expect(await reader.skip(count)).toBe(left);
            at += left;
            continue;
          }
          const bytes = how === 'some' ? await reader.some(count + 1) : await reader.take(count);
          expect(Buffer.from(bytes ?? []).equals(whole.subarray(at, at + (bytes?.length ?? 0)))).toBe(true);
          if (how === 'some') expect(bytes === undefined).toBe(at === whole.length);
          else expect(bytes).toHaveLength(left);
          if (how === 'unread' && bytes !== undefined) reader.unread(bytes);
          else at += bytes?.length ?? 0;
        }
        const rest = await collect(reader.rest(), whole.length, 'rest');
        expect(Buffer.from(rest).equals(whole.subarray(at))).toBe(true);
      }),
    );
  });
});
