import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeZstd, portableZstd } from '../../image/zstd/codec.js';
import { unzstd, zstd } from '../../image/zstd/index.js';
import { collect, streamOf } from '../../oci/index.js';
import { bytes, cut, cuts, noise } from './arbitraries.js';

const LIMIT = 1 << 26;
/** Node's own codec is there from 22.15 on; before, the portable one stands on both sides. */
const codecs = [portableZstd, nativeZstd() ?? portableZstd];

describe('zstd', () => {
  it('what one codec packs the other unpacks, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes(),
        cuts,
        fc.constantFrom(...codecs),
        fc.constantFrom(...codecs),
        fc.constantFrom(1, 3, 9),
        async (input, sizes, packer, unpacker, level) => {
          const packed = await collect(zstd(streamOf(...cut(input, sizes)), level, packer), LIMIT, 'packed');
          const output = await collect(
            unzstd(streamOf(...cut(packed, sizes)), 'input', unpacker),
            LIMIT,
            'output',
          );
          expect(Buffer.from(output).equals(input)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(codecs)('packs more than one piece', async (codec) => {
    const input = Buffer.concat([noise(5 << 20, 1), Buffer.alloc(5 << 20, 'abc')]);
    const packed = await collect(zstd(streamOf(input, input), 1, codec), LIMIT, 'packed');
    const output = await collect(unzstd(streamOf(packed), 'input', codec), LIMIT, 'output');
    expect(Buffer.from(output).equals(Buffer.concat([input, input]))).toBe(true);
  });
});
