import { mkdir, readdir } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createDockerArchive,
  createLayoutArchive,
  openArchive,
  openDockerArchive,
  openLayoutArchive,
  verifyArchive,
} from '../../image/archive/index.js';
import { copy } from '../../image/copy/index.js';
import { createDaemonSink, openDaemonImage } from '../../image/daemon/index.js';
import { createLayout, layoutGc, openLayout } from '../../image/layout/index.js';
import type { Sink, Source } from '../../image/media.js';
import { memoryStore, type MemoryStore } from '../../image/memory.js';
import { openBlob, readManifest } from '../../image/read.js';
import { collect, parseManifest, type Descriptor } from '../../oci/index.js';
import { startDaemon } from '../helpers/clients/daemon.js';
import { Home } from '../helpers/clients/home.js';
import { needs, needsMounts } from '../helpers/clients/process.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';
import { all, failure, putArtifact, putImage, putIndex } from '../image/content.js';

const AMD = { os: 'linux', architecture: 'amd64' };
const ARM = { os: 'linux', architecture: 'arm64' };

/** Layouts, archives and daemons: what is written here others read, and the other way round. */
describe('media and other tools', () => {
  const teardown = new Teardown();
  let home: Home;
  let skopeo: Skopeo;
  const contents = new Map<string, { readonly store: MemoryStore; readonly root: Descriptor }>();

  beforeAll(async () => {
    home = await Home.create(teardown);
    skopeo = new Skopeo(home);
    const add = async (name: string, make: (store: MemoryStore) => Promise<Descriptor>): Promise<void> => {
      const store = memoryStore();
      contents.set(name, { store, root: await make(store) });
    };
    await add('image', (store) => putImage(store, { seed: 'image', layers: ['gzip', 'none', 'gzip'] }));
    await add('docker', (store) =>
      putImage(store, { seed: 'docker', family: 'docker', layers: ['gzip', 'gzip'] }),
    );
    await add('zstd', (store) => putImage(store, { seed: 'zstd', layers: ['zstd', 'zstd'] }));
    await add('index', (store) => multi(store, 'index'));
    await add('nested', async (store) => putIndex(store, [await multi(store, 'inner')]));
    await add('artifact', async (store) => putArtifact(store, {}));
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  async function multi(store: Sink, seed: string): Promise<Descriptor> {
    const images = [AMD, ARM].map(async (platform) => ({
      ...(await putImage(store, { seed: `${seed}-${platform.architecture}`, platform })),
      platform,
    }));
    return await putIndex(store, await Promise.all(images));
  }

  /** Brings some of the content to a sink. */
  async function bring(name: string, sink: Sink, tag: string): Promise<Descriptor> {
    const content = contents.get(name);
    if (content === undefined) throw new Error(`no ${name}`);
    await copy(content.store, sink, [{ descriptor: content.root, tags: [tag] }]);
    await sink.finish?.();
    return content.root;
  }

  /** Everything that a source has is right. */
  async function expectWhole(source: Source, name: string, descriptor: Descriptor): Promise<void> {
    const found = await source.resolve(name);
    expect(found?.digest).toBe(descriptor.digest);
    await copy(source, memoryStore(), [{ descriptor }]);
    await source.close?.();
  }

  /** No Docker manifests: skopeo's layouts know OCI's only. */
  const KINDS = ['image', 'zstd', 'index', 'artifact'];

  describe('layouts and their archives', () => {
    it.each(KINDS)('skopeo copies ours, and we read its: %s', async (kind) => {
      const name = `layout-${kind}`;
      const root = await bring(kind, await createLayout(home.path(name)), 'v1');
      const path = home.path(`${name}.tar`);
      await bring(kind, await createLayoutArchive(path, { seal: true }), 'v1');
      expect((await verifyArchive(path)).problems).toEqual([]);
      for (const [at, from] of [`oci:${home.path(name)}:v1`, `oci-archive:${path}:v1`].entries()) {
        const folder = home.path(`${name}-back-${at}`);
        await skopeo.run('copy', '--all', '--preserve-digests', from, `oci:${folder}:v2`);
        await expectWhole(await openLayout(folder), 'v2', root);
        const archive = home.path(`${name}-back-${at}.tar`);
        await skopeo.run('copy', '--all', '--preserve-digests', from, `oci-archive:${archive}:v2`);
        await expectWhole(await openLayoutArchive(archive), 'v2', root);
        expect((await verifyArchive(archive)).problems).toEqual([]);
      }
    });

    it('an index in an index is ours alone: skopeo knows none', async () => {
      const folder = home.path('nested');
      const root = await bring('nested', await createLayout(folder), 'v1');
      await expectWhole(await openLayout(folder), 'v1', root);
      await skopeo.fails(/./, 'copy', '--all', `oci:${folder}:v1`, `oci:${home.path('nested-back')}:v1`);
    });

    it('skopeo adds to a layout of ours and we to one of its, blobs shared or not', async () => {
      const folder = home.path('both');
      const shared = home.path('both-shared');
      await bring('image', await createLayout(folder, { sharedBlobs: shared }), 'ours');
      await bring('index', await createLayout(home.path('other')), 'v1');
      await skopeo.run(
        'copy',
        '--dest-shared-blob-dir',
        shared,
        `oci:${home.path('other')}:v1`,
        `oci:${folder}:its`,
      );
      await bring('zstd', await createLayout(folder, { sharedBlobs: shared }), 'again');
      const source = await openLayout(folder, { sharedBlobs: shared });
      expect(await all(source.tags())).toEqual(['again', 'its', 'ours']);
      for (const tag of ['ours', 'its', 'again'])
        await skopeo.run(
          'copy',
          '--src-shared-blob-dir',
          shared,
          `oci:${folder}:${tag}`,
          `oci:${home.path('both-out')}:${tag}`,
        );
    });

    it('umoci lists, unpacks and collects ours; we collect its', async (ctx) => {
      needs(ctx, 'umoci');
      const folder = home.path('umoci');
      const root = await bring('image', await createLayout(folder), 'v1');
      const list = await home.succeed('umoci', ['list', '--layout', folder]);
      expect(list.stdout.trim()).toBe('v1');
      await home.succeed('umoci', ['unpack', '--rootless', '--image', `${folder}:v1`, home.path('bundle')]);
      expect(await readdir(home.path('bundle/rootfs/data'))).toEqual(['image-0', 'image-1', 'image-2']);
      await home.succeed('umoci', ['gc', '--layout', folder]);
      await home.succeed('umoci', [
        'config',
        '--image',
        `${folder}:v1`,
        '--tag',
        'v2',
        '--config.label',
        'a=b',
      ]);
      await home.succeed('umoci', ['rm', '--image', `${folder}:v2`]);
      const { removed } = await layoutGc(folder);
      expect(removed).toHaveLength(2);
      await expectWhole(await openLayout(folder), 'v1', root);
      await home.succeed('umoci', ['stat', '--image', `${folder}:v1`]);
    });
  });

  describe('docker archives', () => {
    it.each(['image', 'docker', 'zstd'])('skopeo reads ours: %s', async (kind) => {
      const path = home.path(`docker-${kind}.tar`);
      const root = await bring(kind, await createDockerArchive(path), 'registry.example/app:v1');
      expect((await verifyArchive(path)).problems).toEqual([]);
      const folder = home.path(`docker-${kind}`);
      await skopeo.run('copy', `docker-archive:${path}`, `oci:${folder}:v1`);
      await skopeo.run('copy', `docker-archive:${path}:registry.example/app:v1`, `oci:${folder}:v2`);
      const source = await openLayout(folder);
      const found = await source.resolve('v1');
      if (found === undefined) throw new Error('not found');
      expect(await diffIdsOf(source, found)).toEqual(await diffIdsOf(contents.get(kind)?.store, root));
    });

    it("skopeo reads the layout archive's images as Docker's, and a legacy one", async () => {
      const both = home.path('both.tar');
      await bring(
        'index',
        await createLayoutArchive(both, { dockerManifest: true, seal: true }),
        'registry.example/app:v1',
      );
      await skopeo.run(
        'copy',
        `docker-archive:${both}:registry.example/app:v1`,
        `oci:${home.path('from-both')}:v1`,
      );
      const legacy = home.path('legacy.tar');
      await bring(
        'image',
        await createDockerArchive(legacy, { format: 'legacy' }),
        'registry.example/app:v1',
      );
      await skopeo.run('copy', `docker-archive:${legacy}`, `oci:${home.path('from-legacy')}:v1`);
    });

    it('we read those of skopeo', async () => {
      const root = await bring('image', await createLayout(home.path('to-docker')), 'v1');
      const path = home.path('theirs.tar');
      const names = [
        '--additional-tag',
        'registry.example/app:v2',
        '--additional-tag',
        'docker.io/library/box:latest',
      ];
      await skopeo.run(
        'copy',
        ...names,
        `oci:${home.path('to-docker')}:v1`,
        `docker-archive:${path}:registry.example/app:v1`,
      );
      const source = await openDockerArchive(path);
      for (const name of ['registry.example/app:v1', 'v2', 'box', '']) {
        const found = await source.resolve(name);
        if (found === undefined) throw new Error(`${name} was not found`);
        expect(await diffIdsOf(source, found)).toEqual(await diffIdsOf(contents.get('image')?.store, root));
      }
      expect((await verifyArchive(path)).problems).toEqual([]);
      await source.close();
    });
  });

  describe('podman and buildah', () => {
    it('podman loads our archives, and we read what it saves', async (ctx) => {
      needsMounts(ctx, 'podman');
      const id = async (name: string): Promise<string> =>
        (await home.succeed('podman', ['image', 'inspect', '--format', '{{.Id}}', name])).stdout.trim();
      const writers = {
        layout: (path: string) => createLayoutArchive(path, { seal: true }),
        both: (path: string) => createLayoutArchive(path, { dockerManifest: true, seal: true }),
        docker: (path: string) => createDockerArchive(path),
        legacy: (path: string) => createDockerArchive(path, { format: 'legacy' }),
      };
      const ids = new Set<string>();
      const root = contents.get('image')?.root;
      if (root === undefined) throw new Error('no image');
      for (const [kind, write] of Object.entries(writers)) {
        const name = `registry.example/${kind}:v1`;
        await bring('image', await write(home.path(`${kind}-load.tar`)), name);
        await home.succeed('podman', ['load', '--quiet', '--input', home.path(`${kind}-load.tar`)]);
        ids.add(await id(name));
      }
      expect(ids.size).toBe(1);
      for (const format of ['docker-archive', 'oci-archive', 'oci-dir']) {
        const path = home.path(`saved-${format}`);
        await home.succeed('podman', [
          'save',
          '--quiet',
          '--format',
          format,
          '--output',
          path,
          'registry.example/layout:v1',
        ]);
        const source = format === 'oci-dir' ? await openLayout(path) : await openArchive(path);
        const found = await source.resolve('');
        if (found === undefined) throw new Error('not found');
        expect(await diffIdsOf(source, found)).toEqual(await diffIdsOf(contents.get('image')?.store, root));
        await copy(source, memoryStore(), [{ descriptor: found }]);
        await source.close();
      }
      const several = home.path('several.tar');
      const names = ['registry.example/layout:v1', 'registry.example/docker:v1'];
      await home.succeed('podman', [
        'save',
        '--quiet',
        '--multi-image-archive',
        '--output',
        several,
        ...names,
      ]);
      const source = await openArchive(several);
      expect((await all(source.tags?.())).toSorted()).toEqual(names.toSorted());
      await source.close();
    });

    it('buildah makes containers of our layouts and archives', async (ctx) => {
      needsMounts(ctx, 'buildah');
      await bring('image', await createLayout(home.path('for-buildah')), 'v1');
      await bring('zstd', await createLayoutArchive(home.path('for-buildah.tar')), 'v1');
      await bring(
        'docker',
        await createDockerArchive(home.path('for-buildah.docker.tar')),
        'registry.example/app:v1',
      );
      // By names in its home folder: it takes no capitals in a path.
      for (const from of [
        'oci:for-buildah:v1',
        'oci-archive:for-buildah.tar:v1',
        'docker-archive:for-buildah.docker.tar:registry.example/app:v1',
      ]) {
        const { stdout } = await home.succeed('buildah', ['from', from]);
        await home.succeed('buildah', ['rm', stdout.trim()]);
      }
    });

    it('podman as a daemon takes images and gives them back', async (ctx) => {
      needsMounts(ctx, 'podman');
      const socket = home.path('run/podman.sock');
      await mkdir(home.path('run'), { recursive: true });
      await startDaemon(
        home,
        teardown,
        'podman',
        ['--log-level=info', 'system', 'service', '--time=0', `unix://${socket}`],
        {
          ready: /API service listening on/,
        },
      );
      const host = `unix://${socket}`;
      const name = 'registry.example/daemon:v1';
      const root = await bring('docker', await createDaemonSink({ host }), name);
      const source = await openDaemonImage(name, { host });
      const found = await source.resolve(name);
      if (found === undefined) throw new Error('not found');
      expect(await diffIdsOf(source, found)).toEqual(await diffIdsOf(contents.get('docker')?.store, root));
      await copy(source, memoryStore(), [{ descriptor: found }]);
      await source.close();
      expect((await failure(openDaemonImage('registry.example/none:1', { host }))).code).toBe(
        'MANIFEST_UNKNOWN',
      );
    });
  });

  /** What an image's config says of its layers: the same in every format, though tools write configs anew. */
  async function diffIdsOf(source: Source | undefined, descriptor: Descriptor): Promise<unknown> {
    if (source === undefined) throw new Error('no image');
    const manifest = parseManifest(await readManifest(source, descriptor));
    if (manifest.kind !== 'image') throw new Error('no image');
    const config = await collect(await openBlob(source, manifest.config), 1 << 20, 'config');
    return (JSON.parse(Buffer.from(config).toString()) as { rootfs: { diff_ids: unknown } }).rootfs.diff_ids;
  }
});
