import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLayout, layoutGc, openLayout } from '../../../image/layout/index.js';
import { MEDIA_TYPES, collect, digestOf, type Blob, type ByteRange } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';

const SIZE = 17 << 20;
const BYTES = Buffer.alloc(SIZE, 'ocilot');
const MIB = 1 << 20;

/** A large blob that breaks off after so many bytes, and notes what it was asked for. */
function breaking(after: number): Blob & { readonly asked: (ByteRange | undefined)[] } {
  const asked: (ByteRange | undefined)[] = [];
  return {
    asked,
    descriptor: { mediaType: MEDIA_TYPES.ociLayer, digest: digestOf(BYTES), size: SIZE },
    open: async ({ range } = {}) => {
      asked.push(range);
      return (async function* pieces() {
        for (let at = range?.start ?? 0; at < SIZE; at += MIB) {
          if (at >= after) throw new Error('broken off');
          yield BYTES.subarray(at, Math.min(at + MIB, SIZE));
        }
      })();
    },
  };
}

describe('a large blob that came in part', () => {
  it('is gone on with by the next writer, and nothing is left beside the layout', async () => {
    const folder = join(await tempFolder(), 'layout');
    const first = await createLayout(folder);
    await expect(first.putBlob(breaking(5 * MIB))).rejects.toThrow('broken off');
    await first.abandon?.();
    const source = await openLayout(folder);
    const blob = breaking(Infinity);
    await expect(source.blob(blob.descriptor)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    const second = await createLayout(folder);
    await second.putBlob(blob);
    await second.finish?.();
    expect(blob.asked).toEqual([{ start: 5 * MIB, end: SIZE - 1 }]);
    const read = await collect(await (await openLayout(folder)).blob(blob.descriptor), SIZE, 'blob');
    expect(digestOf(read)).toBe(blob.descriptor.digest);
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('is taken away by a collection when no writer is left', async () => {
    const folder = join(await tempFolder(), 'layout');
    const writer = await createLayout(folder);
    await expect(writer.putBlob(breaking(5 * MIB))).rejects.toThrow('broken off');
    const kept = join(folder, '.ocilot', 'kept');
    await layoutGc(folder);
    expect(existsSync(kept)).toBe(true);
    await writer.abandon?.();
    await layoutGc(folder);
    expect(existsSync(join(folder, '.ocilot'))).toBe(false);
  });
});
