import { describe, expect, it } from 'vitest';
import { collect, digestOf, isVerified, streamOf, verified } from '../../oci/index.js';

const BYTES = Buffer.from('abc');
const DIGEST = digestOf(BYTES);

describe('verified', () => {
  it('gives back a stream that is checked against all of it already', async () => {
    const stream = verified(streamOf(BYTES), DIGEST, 3, 'it');
    expect(verified(stream, DIGEST, 3, 'it again')).toBe(stream);
    expect(verified(stream, DIGEST, undefined, 'it again')).toBe(stream);
    expect(Buffer.from(await collect(stream, 3, 'it'))).toEqual(BYTES);
  });

  it('checks what is checked against something else, or against less', () => {
    const other = digestOf('other');
    const unsized = verified(streamOf(BYTES), DIGEST, undefined, 'it');
    expect(verified(unsized, DIGEST, 3, 'it')).not.toBe(unsized);
    expect(verified(unsized, other, undefined, 'it')).not.toBe(unsized);
    expect(isVerified(streamOf(BYTES), DIGEST)).toBe(false);
  });
});
