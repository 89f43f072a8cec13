import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { collect } from '../../../oci/index.js';
import { backup } from '../../../registry/storage/backup.js';
import { openStore, type StorageOptions } from '../../../registry/storage/open.js';
import { scrub } from '../../../registry/storage/scrub.js';
import { putImage } from '../../helpers/content.js';
import { tempFolder } from '../../helpers/temp.js';

const LARGE = 700 * 1024;

describe('backup', () => {
  it.each(['auto', 'leveldb', 'memory'] as const)(
    'copies a live %s store to a folder that opens by itself',
    async (kind) => {
      const folder = await tempFolder();
      const storage: StorageOptions = kind === 'memory' ? { kind } : { kind, folder: join(folder, 'from') };
      const store = await openStore(storage);
      onTestFinished(() => store.close());
      const image = await putImage(store, 'team/app', {
        seed: 'a',
        layers: [LARGE, 100, LARGE * 3],
        tags: ['1', 'latest'],
      });
      await store.blobs.link('other', image.layers[0] ?? image.config);
      await store.uploads.start('team/app');
      const report = await backup(store, join(folder, 'to'));
      expect(report).toMatchObject({ blobs: 2, bytes: LARGE * 4 });

      const copy = await openStore({ kind: 'auto', folder: join(folder, 'to') });
      onTestFinished(() => copy.close());
      expect(await scrub(copy)).toMatchObject({ blobs: 4, manifests: 1, tags: 2, damaged: [] });
      const copied = await copy.manifests.get('team/app', image.digest);
      expect(Buffer.compare(copied?.bytes ?? Buffer.of(), image.bytes)).toBe(0);
      expect((await copy.tags.get('team/app', 'latest'))?.digest).toBe(image.digest);
      for (const layer of [...image.layers, image.config]) {
        const facts = await copy.blobs.stat('team/app', layer);
        if (facts === undefined) throw new Error(`${layer} is missing`);
        const content = await copy.blobs.open(layer, facts, { start: 0, end: facts.size - 1 });
        if (content !== undefined && !(content instanceof Uint8Array))
          await collect(content, LARGE * 4, 'blob');
      }
      expect(await copy.blobs.stat('other', image.layers[0] ?? image.config)).toEqual({
        size: LARGE,
        inline: false,
      });
    },
  );

  it('is not disturbed by what is deleted while it runs', async () => {
    const folder = await tempFolder();
    let time = 1_000_000;
    const store = await openStore({ kind: 'auto', folder: join(folder, 'from') }, { now: () => time });
    onTestFinished(() => store.close());
    const image = await putImage(store, 'a', { seed: 'a', layers: [LARGE, LARGE + 1], tags: ['1'] });
    let deleted = false;
    const run = backup(store, join(folder, 'to'), {
      onProgress: () => {
        if (deleted) return;
        deleted = true;
        time += 10 * 60 * 60 * 1000;
        void store.repositories.delete('a');
      },
    });
    await run;
    const copy = await openStore({ kind: 'auto', folder: join(folder, 'to') });
    onTestFinished(() => copy.close());
    expect(await scrub(copy)).toMatchObject({ damaged: [], manifests: 1, tags: 1 });
    expect((await copy.tags.get('a', '1'))?.digest).toBe(image.digest);
  });

  it('refuses a folder that holds something, and leaves it alone', async () => {
    const folder = await tempFolder();
    writeFileSync(join(folder, 'mine'), 'x');
    const store = await openStore({ kind: 'memory' });
    onTestFinished(() => store.close());
    await expect(backup(store, folder)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
