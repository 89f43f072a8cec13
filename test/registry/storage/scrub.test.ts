import { readdirSync, writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from '../../../registry/storage/open.js';
import { scrub } from '../../../registry/storage/scrub.js';
import type { Store } from '../../../registry/index.js';
import { putImage } from '../../helpers/content.js';
import { tempFolder } from '../../helpers/temp.js';

const LARGE = 700 * 1024;

async function stored(): Promise<{ store: Store; folder: string; files: () => string[] }> {
  const folder = await tempFolder();
  const store = await openStore({ kind: 'auto', folder });
  onTestFinished(() => store.close());
  const blobs = join(folder, 'blobs/sha256');
  const files = (): string[] =>
    readdirSync(blobs, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.includes('/'))
      .map((name) => join(blobs, name));
  return { store, folder, files };
}

describe('scrub', () => {
  it('finds nothing wrong with what was pushed', async () => {
    const { store } = await stored();
    await putImage(store, 'a/b', { seed: 'x', layers: [LARGE, 10], tags: ['1', '2'] });
    const report = await scrub(store);
    expect(report).toMatchObject({ blobs: 3, manifests: 1, tags: 2, damaged: [], removed: 0 });
    expect(report.bytes).toBeGreaterThan(LARGE);
  });

  it('names a blob with a changed byte and one that is gone', async () => {
    const { store, files } = await stored();
    const image = await putImage(store, 'a/b', { seed: 'x', layers: [LARGE, LARGE + 1], tags: ['1'] });
    const [first = '', second = ''] = files();
    writeFileSync(first, 'not what it was');
    rmSync(second);
    const { damaged } = await scrub(store);
    expect(damaged.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual(
      image.layers.map((digest) => `blob ${digest}`).toSorted(),
    );
    expect(damaged.map(({ problem }) => problem).join('\n')).toMatch(/cannot be read/);
  });

  it('takes damaged blobs out when asked, so that the next push brings them again', async () => {
    const { store, files } = await stored();
    const image = await putImage(store, 'a/b', { seed: 'x', layers: [LARGE], tags: ['1'] });
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('no layer');
    await store.blobs.link('other', layer);
    writeFileSync(files()[0] ?? '', Buffer.alloc(LARGE));
    expect(await scrub(store, { remove: true })).toMatchObject({ removed: 1 });
    expect(await store.blobs.stat('a/b', layer)).toBeUndefined();
    expect(await store.blobs.stat('other', layer)).toBeUndefined();
    await putImage(store, 'a/b', { seed: 'x', layers: [LARGE], tags: ['1'] });
    expect(await scrub(store)).toMatchObject({ damaged: [] });
  });

  it('stops when asked', async () => {
    const { store } = await stored();
    await putImage(store, 'a/b', { seed: 'x' });
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(scrub(store, { signal: controller.signal })).rejects.toThrow('enough');
  });
});
