import { describe, expect, expectTypeOf, it } from 'vitest';
import { describe as descriptorOf } from '../../oci/descriptor.js';
import { collect, streamOf } from '../../oci/stream.js';
import type { Blob, Image, Index, Layer } from '../../oci/views.js';

/** The smallest medium there is: bytes in memory. */
function blobOf(bytes: Uint8Array): Blob {
  return {
    descriptor: descriptorOf('application/octet-stream', bytes),
    open: async ({ signal, range } = {}) => {
      signal?.throwIfAborted();
      return streamOf(range ? bytes.subarray(range.start, range.end + 1) : bytes);
    },
  };
}

describe('Blob', () => {
  const blob = blobOf(Buffer.from('0123456789'));
  const read = async (options?: Parameters<Blob['open']>[0]): Promise<string> =>
    Buffer.from(await collect(await blob.open(options), 100, 'it')).toString();

  it('opens afresh every time, whole or in part', async () => {
    expect(await read()).toBe('0123456789');
    expect(await read({ range: { start: 2, end: 4 } })).toBe('234');
    expect(await read()).toBe('0123456789');
  });

  it('rejects with the reason of an abort', async () => {
    const reason = new Error('enough');
    await expect(blob.open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('views', () => {
  it('are told apart by kind, and nothing of them can be set', () => {
    expectTypeOf<(Image | Index)['kind']>().toEqualTypeOf<'image' | 'index'>();
    type Fields = Pick<Image | Index | Layer, 'descriptor'>;
    expectTypeOf<Fields>().toEqualTypeOf<Readonly<Fields>>();
    expectTypeOf<Layer>().toExtend<Blob>();
  });
});
