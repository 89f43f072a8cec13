import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copy } from '../../image/copy/index.js';
import { createLayoutArchive } from '../../image/archive/index.js';
import { createLayout } from '../../image/layout/index.js';
import type { Sink } from '../../image/media.js';
import { storeSource } from '../../registry/store-media.js';
import { randomIndex, startRegistry } from '../../testing/vitest.js';
import { tempFolder } from '../helpers/temp.js';

const index = randomIndex();
const artifactType = 'application/vnd.example.sbom';

/** Writes an index with a referrer, and an image, to a place. */
async function fill(sink: Sink, names: readonly [string, string] = ['multi', 'single']): Promise<void> {
  await using registry = await startRegistry({
    socket: false,
    seed: {
      app: { multi: index, single: { files: { a: 'b' } }, '@sbom': { artifactType, subject: 'multi' } },
    },
  });
  const source = storeSource(registry.registry.store, 'app');
  for (const [at, tag] of (['multi', 'single'] as const).entries()) {
    const descriptor = await source.resolve(tag);
    if (descriptor === undefined) throw new Error(tag);
    await copy(source, sink, [{ descriptor, tags: [names[at] ?? ''] }]);
  }
  await sink.finish?.();
}

describe('seeding from a layout', () => {
  it('takes what a tag names there, and what refers to it', async () => {
    const path = join(await tempFolder(), 'layout');
    await fill(await createLayout(path));
    await using registry = await startRegistry({ socket: false });
    const seeded = await registry.seed({ 'team/app': { '1.0': { from: path, tag: 'multi' } } });
    expect(seeded['team/app']['1.0'].digest).toBe(index.digest);
    await expect(registry).toHaveTag('team/app:1.0', index.digest);
    await expect(registry).toHaveReferrer('team/app:1.0', { artifactType });
    const layer = index.images[1]?.layers[0];
    const answer = await registry.fetch(`/v2/team/app/blobs/${layer?.descriptor.digest ?? ''}`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from(layer?.bytes ?? []));
  });

  it('says what there is when that is not clear', async () => {
    const path = join(await tempFolder(), 'layout');
    await fill(await createLayout(path));
    for (const tag of [undefined, 'none']) {
      const entry = { from: path, ...(tag === undefined ? {} : { tag }) };
      await expect(startRegistry({ socket: false, seed: { app: { '1': entry } } })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('multi, single') as string,
      });
    }
    const missing = { app: { '1': { from: join(path, 'none') } } };
    await expect(startRegistry({ socket: false, seed: missing })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it('loads all of it', async () => {
    const path = join(await tempFolder(), 'base-images');
    await fill(await createLayout(path));
    await using registry = await startRegistry({ socket: false });
    const loaded = await registry.load(path);
    expect(loaded).toContainEqual(expect.objectContaining({ repository: 'base-images', tag: 'multi' }));
    await expect(registry).toHaveTag('base-images:single');
    await registry.load(path, { repository: 'team/base' });
    await expect(registry).toHaveTag('team/base:multi', index.digest);
  });
});

describe('seeding from an archive', () => {
  it('puts whole names where they say', async () => {
    const path = join(await tempFolder(), 'images.tar');
    await fill(await createLayoutArchive(path), ['registry.example:5000/team/app:1.0', 'lib:2']);
    await using registry = await startRegistry({ socket: false });
    await registry.load(path);
    await expect(registry).toHaveTag('team/app:1.0', index.digest);
    await expect(registry).toHaveTag('lib:2');
  });
});

describe('seeding from a folder', () => {
  async function makeFolder(): Promise<string> {
    const folder = await tempFolder();
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'empty'));
    await writeFile(join(folder, 'bin/run'), '#!/bin/sh\n', { mode: 0o700 });
    await writeFile(join(folder, 'notes.txt'), 'hello');
    await chmod(join(folder, 'notes.txt'), 0o600);
    await symlink('notes.txt', join(folder, 'link'));
    return folder;
  }

  it('gives the same digest for equal folders, and for the same files described', async () => {
    const [one, two] = [await makeFolder(), await makeFolder()];
    await using registry = await startRegistry({ socket: false });
    const { app } = await registry.seed({
      app: {
        one: { folder: one },
        two: { folder: two, platforms: ['linux/amd64', 'linux/arm64'] },
        same: {
          files: {
            'bin/run': { content: '#!/bin/sh\n', mode: 0o755 },
            'empty/': '',
            link: { link: 'notes.txt' },
            'notes.txt': 'hello',
          },
        },
      },
    });
    expect(app.one.digest).toBe(app.same.digest);
    expect(app.two.descriptor.mediaType).toContain('index');
  });

  it('refuses one that is not there', async () => {
    const seed = { app: { '1': { folder: '/nonexistent/folder' } } };
    await expect(startRegistry({ socket: false, seed })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
