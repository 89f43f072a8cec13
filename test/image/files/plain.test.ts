import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extract } from '../../../image/files/extract.js';
import { flattenedEntries } from '../../../image/files/index.js';
import type { ImageView, LayerView } from '../../../image/views/index.js';
import { collect, isOciError } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { imageOf } from './helpers.js';

interface Given {
  readonly entries: unknown[];
  readonly restarts: number;
  readonly error?: string;
}

/** What is given in the end, read as it comes where that can be done, or twice. */
async function given(image: ImageView, once: boolean): Promise<Given> {
  const entries: unknown[] = [];
  let restarts = 0;
  const restart = (): Promise<void> => {
    entries.length = 0;
    restarts++;
    return Promise.resolve();
  };
  try {
    for await (const { body, ...entry } of flattenedEntries(image, once ? { restart } : {})) {
      const bytes = await collect((body ?? []) as AsyncIterable<Uint8Array>, 1000, entry.name);
      entries.push({ ...entry, content: Buffer.from(bytes).toString() });
    }
  } catch (error) {
    return { entries: [], restarts, error: isOciError(error) ? error.code : String(error) };
  }
  return { entries, restarts };
}

const path = fc
  .array(fc.constantFrom('a', 'b', 'c', '.wh.a', '.wh..wh..opq', '.', '..'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'));
const entries = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: path.map((name) => `${name}/`) },
    {
      weight: 8,
      arbitrary: fc.tuple(path, fc.string({ maxLength: 3 })).map(([name, text]) => `${name}=${text}`),
    },
    { weight: 1, arbitrary: fc.tuple(path, path).map(([name, target]) => `${name}->${target}`) },
    { weight: 1, arbitrary: fc.tuple(path, path).map(([name, target]) => `${name}=>${target}`) },
  ),
  { maxLength: 8 },
);

/** Counts how often its layers are read. */
function counted(image: ImageView): { readonly image: ImageView; reads(): number } {
  let reads = 0;
  const count = (layer: LayerView): LayerView => ({
    ...layer,
    uncompressed: (options) => {
      reads++;
      return layer.uncompressed(options);
    },
  });
  const layers = async (...args: Parameters<ImageView['layers']>): Promise<readonly LayerView[]> =>
    (await image.layers(...args)).map(count);
  return { image: Object.assign(Object.create(image) as ImageView, { layers }), reads: () => reads };
}

describe('an image of one layer', () => {
  it('gives the same read once as read twice', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (list) => {
        const image = await imageOf(list);
        const [once, twice] = [await given(image, true), await given(image, false)];
        expect({ ...once, restarts: 0 }).toEqual(twice);
      }),
      { numRuns: 400 },
    );
  });

  it('is read once when it is plain, and begun anew when something comes that changes what was written', async () => {
    const folder = await tempFolder();
    const plain = counted(await imageOf(['./', 'd/', 'd/a=1', 'e/f/b=2', 'e/']));
    expect(await extract(plain.image, join(folder, 'plain'))).toMatchObject({ entries: 5, bytes: 2 });
    expect(plain.reads()).toBe(1);
    const other = counted(await imageOf(['d/a=1', 'd/gone/x=9', 'd/a=22', 'd/gone=file']));
    expect(await extract(other.image, join(folder, 'other'))).toMatchObject({ entries: 2, bytes: 6 });
    // What was written, until it turned out; to plan; to write.
    expect(other.reads()).toBe(3);
    expect((await readdir(join(folder, 'other/d'))).toSorted()).toEqual(['a', 'gone']);
    expect(await readFile(join(folder, 'other/d/a'), 'utf8')).toBe('22');
  });

  it('leaves nothing when it turns out late that something is wrong', async () => {
    const folder = await tempFolder();
    const image = await imageOf(['d/a=1', '../out=1']);
    await expect(extract(image, join(folder, 'out'))).rejects.toMatchObject({ code: 'CONTENT_INVALID' });
    expect(await readdir(folder)).toEqual([]);
  });
});
