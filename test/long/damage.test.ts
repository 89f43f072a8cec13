import { describe, expect, it } from 'vitest';
import { archiveOf, flipped, overlooked, site } from '../bundle/damage.js';

describe.each(['whole', 'differential'] as const)('an archive that is %s', (kind) => {
  it('is found damaged whichever of its bytes is another, and the message names the entry or the blob', async () => {
    await using place = await site();
    const bytes = await archiveOf(place, kind);
    function* changes(): Generator<[string, Uint8Array]> {
      for (let at = 0; at < bytes.length; at++) yield [`byte ${at}`, flipped(bytes, at)];
    }
    expect(await overlooked(changes())).toEqual([]);
  });

  it('is found damaged wherever it is cut', async () => {
    await using place = await site();
    const bytes = await archiveOf(place, kind);
    function* cuts(): Generator<[string, Uint8Array]> {
      // Of nothing at all nobody can say what it was.
      for (let at = 1; at < bytes.length; at++) yield [`cut at ${at}`, bytes.subarray(0, at)];
    }
    expect(await overlooked(cuts())).toEqual([]);
  });
});
