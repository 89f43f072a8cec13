import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inventoryOf, withInventory } from '../../bundle/inventory/index.js';
import { createLayoutArchive, openArchive, openVerifiedArchive } from '../../image/archive/index.js';
import { copy } from '../../image/copy/index.js';
import { memoryStore } from '../../image/memory.js';
import type { Descriptor } from '../../oci/index.js';
import { createArchiveRegistry, listen } from '../../registry/index.js';
import { Home } from '../helpers/clients/home.js';
import { tagOf } from '../helpers/clients/layout.js';
import { needs } from '../helpers/clients/process.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';
import { putArtifact, putImage, putIndex } from '../image/content.js';

/** An archive, plain or in parts, as a registry for others. */
describe.each([undefined, 3000])('an archive in parts of %s, served', (split) => {
  const teardown = new Teardown();
  let home: Home;
  let skopeo: Skopeo;
  let host: string;
  let index: Descriptor;

  beforeAll(async () => {
    home = await Home.create(teardown);
    skopeo = new Skopeo(home);
    const path = home.path('bundle.tar');
    const archive = await createLayoutArchive(split === undefined ? path : { path, split }, { seal: true });
    const images = ['amd64', 'arm64'].map(async (architecture) => {
      const platform = { os: 'linux', architecture };
      return { ...(await putImage(archive, { seed: architecture, platform })), platform };
    });
    index = await putIndex(archive, await Promise.all(images), { tags: ['r.example/team/app:1', '2'] });
    await putArtifact(archive, { subject: index });
    await archive.finish?.();
    const registry = await createArchiveRegistry(await openArchive(path), { repository: 'bundle' });
    const server = await listen(registry, { port: 0, grace: 0 });
    teardown.add(() => registry.close());
    teardown.add(() => server.close());
    host = new URL(server.url).host;
    await home.trust({ host });
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  it('is pulled from with every platform, and checked by the client', async () => {
    for (const name of ['team/app:1', 'bundle:2']) {
      const folder = home.path('pulled', name.replaceAll(/\W/g, '-'));
      await mkdir(folder, { recursive: true });
      await skopeo.run('copy', '--all', `docker://${host}/${name}`, `oci:${folder}:here`);
      expect((await tagOf(folder, 'here')).digest).toBe(index.digest);
    }
    const tags = await skopeo.run('list-tags', `docker://${host}/team/app`);
    expect(JSON.parse(tags.stdout)).toMatchObject({ Tags: ['1'] });
  });

  it('takes nothing', async () => {
    await skopeo.fails(
      /denied|read-only/i,
      'copy',
      `docker://${host}/team/app:1`,
      `docker://${host}/team/app:3`,
    );
  });
});

describe('a differential archive', () => {
  const teardown = new Teardown();
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  it('is still an OCI layout to others: what is whole in it they read', async () => {
    const home = await Home.create(teardown);
    const skopeo = new Skopeo(home);
    const near = memoryStore('near');
    await putImage(near, { seed: 'old', tags: ['1'] });
    const have = await inventoryOf([{ source: near }]);
    const image = await putImage(near, { seed: 'new', tags: ['2'] });
    const path = home.path('update.tar');
    const archive = await createLayoutArchive(path, { seal: true, dockerManifest: true });
    const old = await near.resolve('1');
    if (old === undefined) throw new Error('no old image');
    await copy(near, withInventory(archive, have), [
      { descriptor: image, tags: ['2'] },
      { descriptor: old, tags: ['1'] },
    ]);
    await archive.finish?.();
    const folder = home.path('read');
    await mkdir(folder, { recursive: true });
    await skopeo.run('copy', `oci-archive:${path}:2`, `oci:${folder}:here`);
    expect((await tagOf(folder, 'here')).digest).toBe(image.digest);
    const { source, report } = await openVerifiedArchive(path);
    await source.close();
    expect(report.base?.manifests.map(({ digest }) => digest)).toEqual([old.digest]);
  });
});
