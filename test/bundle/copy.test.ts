import { describe, expect, it } from 'vitest';
import { remoteSink } from '../../client/remote/sink.js';
import { copy } from '../../image/copy/index.js';
import { layerFromBytes } from '../../image/layer.js';
import { makeImage } from '../../image/views/made.js';
import { sourceOf } from '../../image/views/source.js';
import { describe as descriptorOf, encodeJson, type Digest } from '../../oci/index.js';
import { digestTag, locationsTag, parseWanted, signatureTag } from '../../bundle/names.js';
import { Places } from '../../bundle/places.js';
import { gatherBundle, gatherBundleLock, gatherImage, gatherImagesLock } from '../../bundle/copy/set.js';
import {
  copyToRepository,
  type CopiedSet,
  type ToRepositoryOptions,
} from '../../bundle/copy/to-repository.js';
import { parseBundleLock, printBundleLock, type BundleLock } from '../../bundle/locks/index.js';
import { pushBundle } from '../../bundle/push/push.js';
import type { CopySet, GatherOptions } from '../../bundle/copy/set.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, fileOf, golden, HOST, reach, seedGolden } from './fixtures.js';

const at = (name: string): { registry: string; repository: string } => ({ registry: HOST, repository: name });

async function copyTo(
  registry: TestRegistry,
  set: CopySet,
  name: string,
  options: ToRepositoryOptions = {},
): Promise<CopiedSet> {
  const repository = reach(registry)(at(name));
  return await copyToRepository(
    set,
    { repository, sink: remoteSink(repository, { combine: true }) },
    options,
  );
}

async function tagsOf(registry: TestRegistry, name: string): Promise<Record<string, string | undefined>> {
  const repository = reach(registry)(at(name));
  const tags: Record<string, string | undefined> = {};
  for await (const tag of repository.tags()) tags[tag] = (await repository.resolve(tag))?.digest;
  return tags;
}

const places = (registry: TestRegistry): Places => new Places(reach(registry));
const outer = (registry: TestRegistry, options: GatherOptions = {}): Promise<CopySet> =>
  gatherBundle(places(registry), parseWanted(`${HOST}/src/outer:v1`), options);

/** The tags that imgpkg left. */
const GENERATED = {
  [digestTag(DIGESTS.multi)]: DIGESTS.multi,
  [digestTag(DIGESTS.app)]: DIGESTS.app,
  [digestTag(DIGESTS.inner)]: DIGESTS.inner,
  [digestTag(DIGESTS.outer)]: DIGESTS.outer,
};
const LOCATIONS = {
  [locationsTag(DIGESTS.outer)]: DIGESTS.outerLocations,
  [digestTag(DIGESTS.outerLocations)]: DIGESTS.outerLocations,
  [locationsTag(DIGESTS.inner)]: DIGESTS.innerLocations,
  [digestTag(DIGESTS.innerLocations)]: DIGESTS.innerLocations,
};

describe('copy of a bundle to a repository', () => {
  it("leaves imgpkg's tags, its locations images and its lock", async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const set = await outer(registry);
    expect(set.items.map(({ reference }) => reference)).toEqual(
      (['app', 'inner', 'multi', 'outer'] as const).map((name) => `${HOST}/src/${name}@${DIGESTS[name]}`),
    );
    registry.requests.clear();
    const copied = await copyTo(registry, set, 'dst/outer');
    const requests = [...registry.requests];
    expect(await tagsOf(registry, 'dst/outer')).toEqual({ ...GENERATED, ...LOCATIONS, v1: DIGESTS.outer });
    expect(copied.reference).toBe(`${HOST}/dst/outer@${DIGESTS.outer}`);
    expect(printBundleLock(copied.lock as BundleLock)).toBe(golden('copied.lock.yml').toString());
    // All is in one registry: nothing is fetched but what tells of images, nothing sent but what was made here.
    const sent = requests.filter(({ path, received }) => path.includes('/blobs/') && received > 0);
    expect(sent.map(({ digest }) => digest)).toHaveLength(4);
    const layer = 'sha256:01752952a68c589679204713540f9cc0ef6cc8ca3c85ac708c114db7327df7fd';
    expect(requests.filter(({ method, digest }) => method === 'GET' && digest === layer)).toEqual([]);
  });

  it('does nothing where everything is there already', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    await copyTo(registry, await outer(registry), 'dst/outer');
    const set = await outer(registry);
    registry.requests.clear();
    await copyTo(registry, set, 'dst/outer');
    expect(registry.requests.filter(({ method }) => method !== 'HEAD' && method !== 'GET')).toEqual([]);
  });

  it('by a lock, with tags of repositories', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const lock = parseBundleLock(golden('outer.lock.yml').toString());
    const set = await gatherBundleLock(places(registry), lock);
    await copyTo(registry, set, 'dst2/outer', { repositoryTags: true });
    expect(Object.keys(await tagsOf(registry, 'dst2/outer')).toSorted()).toEqual(
      [
        ...Object.keys(LOCATIONS),
        ...(['app', 'inner', 'multi', 'outer'] as const).map(
          (name) => `src-${name}-${digestTag(DIGESTS[name])}`,
        ),
        'v1',
      ].toSorted(),
    );
  });

  it('by digest has no tag of its own', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const set = await gatherBundle(places(registry), parseWanted(`${HOST}/src/outer@${DIGESTS.outer}`));
    const { lock } = await copyTo(registry, set, 'dst/outer');
    expect(lock).toEqual({ image: `${HOST}/dst/outer@${DIGESTS.outer}` });
    expect(await tagsOf(registry, 'dst/outer')).toEqual({ ...GENERATED, ...LOCATIONS });
  });

  it('needs the places that it came from no longer once it was copied (imgpkg issues 146, 636)', async () => {
    await using first = await startRegistry({ socket: false });
    await seedGolden(first);
    await copyTo(first, await outer(first), 'dst/outer');
    await using second = await startRegistry({ socket: false });
    // Only what is in the bundle's repository.
    const repository = reach(first)(at('dst/outer'));
    await copyToRepository(await gatherBundle(places(first), parseWanted(`${HOST}/dst/outer:v1`)), {
      repository: reach(second)(at('mid')),
      sink: remoteSink(reach(second)(at('mid'))),
    });
    expect(repository.registry).toBe(HOST);
    const set = await gatherBundle(places(second), parseWanted(`${HOST}/mid:v1`));
    expect(set.items.map(({ reference }) => reference.split('@')[0])).toEqual(Array(4).fill(`${HOST}/mid`));
    expect(set.items.map(({ origin = '' }) => origin.split('@')[0]).toSorted()).toEqual(
      ['mid', 'src/app', 'src/inner', 'src/multi'].map((name) => `${HOST}/${name}`),
    );
  });

  it('of one image takes at most 15 requests (weakness 7: imgpkg takes 47)', async () => {
    await using registry = await startRegistry({
      seed: { app: { v1: { files: { a: 'a' } } } },
      socket: false,
    });
    const app = await reach(registry)(at('app')).resolve('v1');
    const folder = await tempFolder();
    const lock = `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages: [{image: "${HOST}/app@${app?.digest}"}]\n`;
    await fileOf(`${folder}/.imgpkg/images.yml`, lock);
    await pushBundle(remoteSink(reach(registry)(at('bundle'))), 'v1', { files: [folder] });
    registry.requests.clear();
    const set = await gatherBundle(places(registry), parseWanted(`${HOST}/bundle:v1`));
    await copyTo(registry, set, 'copy');
    const requests = [...registry.requests].map(({ method, path, status }) => `${method} ${path} ${status}`);
    expect(requests.length, requests.join('\n')).toBeLessThanOrEqual(15);
  });
});

describe('copy of what is no bundle', () => {
  it('of an index gives a list of one', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const set = await gatherImage(places(registry), parseWanted(`${HOST}/src/multi:1`));
    const { lock } = await copyTo(registry, set, 'dst');
    expect(lock).toEqual({ images: [{ image: `${HOST}/dst@${DIGESTS.multi}` }] });
    expect(await tagsOf(registry, 'dst')).toEqual({
      [digestTag(DIGESTS.multi)]: DIGESTS.multi,
      1: DIGESTS.multi,
    });
  });

  it('of a list keeps its order and its annotations', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const images = [
      { image: `${HOST}/src/plain@${DIGESTS.plain}`, annotations: { a: 'b' } },
      { image: `${HOST}/src/app@${DIGESTS.app}` },
    ];
    const { lock } = await copyTo(registry, await gatherImagesLock(places(registry), { images }), 'dst');
    expect(lock).toEqual({
      images: [
        { image: `${HOST}/dst@${DIGESTS.plain}`, annotations: { a: 'b' } },
        { image: `${HOST}/dst@${DIGESTS.app}` },
      ],
    });
  });

  it('refuses bundles for images, images for bundles, and lists with bundles', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const all = places(registry);
    await expect(gatherImage(all, parseWanted(`${HOST}/src/outer:v1`))).rejects.toThrow(
      'Expected bundle flag when copying a bundle (hint: Use -b instead of -i for bundles)',
    );
    for (const name of ['plain', 'multi'])
      await expect(gatherBundle(all, parseWanted(`${HOST}/src/${name}:1`))).rejects.toThrow(
        'Expected bundle image but found plain image (hint: Did you use -i instead of -b?)',
      );
    const images = [{ image: `${HOST}/src/inner@${DIGESTS.inner}` }];
    await expect(gatherImagesLock(all, { images })).rejects.toThrow(
      /Unable to copy bundles using an Images Lock file/,
    );
  });
});

describe('copy, where imgpkg is weak', () => {
  /** A bundle that lists these, in `bundle:1`. */
  async function bundleOf(registry: TestRegistry, images: readonly string[]): Promise<void> {
    const folder = await tempFolder();
    const list = images.map((image) => `{image: "${image}"}`).join(', ');
    const lock = `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages: [${list}]\n`;
    await fileOf(`${folder}/.imgpkg/images.yml`, lock);
    await pushBundle(remoteSink(reach(registry)(at('bundle'))), '1', { files: [folder] });
  }
  const bundle = (registry: TestRegistry, options: GatherOptions = {}): Promise<CopySet> =>
    gatherBundle(places(registry), parseWanted(`${HOST}/bundle:1`), options);
  const digestOf = async (registry: TestRegistry, name: string, tag: string): Promise<string> =>
    (await reach(registry)(at(name)).resolve(tag))?.digest ?? '';

  it('reads are tried again (weakness 6)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    registry.faults.add({ match: { method: 'GET' }, every: 2, fault: { kind: 'status', status: 503 } });
    await copyTo(registry, await outer(registry), 'dst/outer');
    registry.faults.clear();
    expect(await tagsOf(registry, 'dst/outer')).toMatchObject({ v1: DIGESTS.outer });
  });

  it('children of indexes are mounted (weakness 8)', async () => {
    const seed = { app: { 1: { platforms: ['linux/amd64', 'linux/arm64'], layers: 2 } } };
    await using registry = await startRegistry({ socket: false, seed });
    const set = await gatherImage(places(registry), parseWanted(`${HOST}/app:1`));
    registry.requests.clear();
    const { reports } = await copyTo(registry, set, 'dst');
    expect(reports.map(({ mounted, sent }) => [mounted.blobs > 4, sent.blobs])).toEqual([[true, 0]]);
  });

  it('signatures come along when asked for, those of children of indexes too (weakness 10)', async () => {
    const seed = { app: { 1: { platforms: ['linux/amd64'] } }, other: { 1: { files: { s: 'signature' } } } };
    await using registry = await startRegistry({ socket: false, seed });
    const repository = reach(registry)(at('app'));
    const index = await repository.manifest('1');
    const child = (JSON.parse(Buffer.from(index.bytes).toString()) as { manifests: { digest: Digest }[] })
      .manifests[0]?.digest;
    const tag = signatureTag(child ?? DIGESTS.app);
    const signature = await gatherImage(places(registry), parseWanted(`${HOST}/other:1`));
    await copyToRepository(
      { items: signature.items.map((item) => ({ ...item, tag })) },
      { repository, sink: remoteSink(repository) },
    );
    await bundleOf(registry, [`${HOST}/app@${index.descriptor.digest}`]);
    expect((await bundle(registry)).items).toHaveLength(2);
    await copyTo(registry, await bundle(registry, { signatures: true }), 'dst');
    const digest = await digestOf(registry, 'other', '1');
    expect(await tagsOf(registry, 'dst')).toMatchObject({
      [tag]: digest,
      [`sha256-${digest.slice(7)}.imgpkg`]: digest,
    });
  });

  it('an aborting registry is told of: 401 for a signature (imgpkg issue 548 is 403)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const path = `/v2/src/app/manifests/${signatureTag(DIGESTS.app)}`;
    registry.faults.add({ match: { path }, fault: { kind: 'status', status: 403 } });
    expect((await outer(registry, { signatures: true })).items).toHaveLength(4);
    registry.faults.clear();
    registry.faults.add({ match: { path }, fault: { kind: 'status', status: 401 } });
    await expect(outer(registry, { signatures: true })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('artifacts of any config come along (weakness 11)', async () => {
    const seed = {
      chart: {
        1: {
          artifactType: 'application/vnd.cncf.helm.config.v1+json',
          blobs: [{ mediaType: 'a/b', content: '\u0001' }],
        },
      },
    };
    await using registry = await startRegistry({ socket: false, seed });
    const digest = await digestOf(registry, 'chart', '1');
    await bundleOf(registry, [`${HOST}/chart@${digest}`]);
    await copyTo(registry, await bundle(registry), 'dst');
    expect(Object.values(await tagsOf(registry, 'dst'))).toContain(digest);
  });

  it('one digest of two places is one thing (weakness 19)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    await copyTo(
      registry,
      await gatherImage(places(registry), parseWanted(`${HOST}/src/app:1`)),
      'mirror/app',
    );
    await bundleOf(registry, [`${HOST}/src/app@${DIGESTS.app}`, `${HOST}/mirror/app@${DIGESTS.app}`]);
    const set = await bundle(registry);
    expect(set.items).toHaveLength(2);
    await copyTo(registry, set, 'dst');
    const locations = await reach(registry)(at('dst')).resolve(
      locationsTag(set.root?.descriptor.digest ?? DIGESTS.app),
    );
    expect(locations).toBeDefined();
  });

  it('layers that may not be distributed stay where they are, unless they are asked for', async () => {
    await using registry = await startRegistry({ socket: false });
    const layer = await layerFromBytes(Buffer.from('restricted'), { compression: 'none' });
    const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
    const config = encodeJson({ rootfs: { type: 'layers', diff_ids: [] } });
    const raw = encodeJson({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: descriptorOf('application/vnd.docker.container.image.v1+json', config),
      layers: [{ ...layer.descriptor, mediaType }],
    });
    const image = makeImage({
      raw,
      config,
      layers: [{ ...layer, descriptor: { ...layer.descriptor, mediaType } }],
    });
    const root = { descriptor: image.descriptor, tags: ['1'] };
    await copy(sourceOf(image), remoteSink(reach(registry)(at('windows'))), [root], {
      nonDistributable: true,
    });
    const set = await gatherImage(places(registry), parseWanted(`${HOST}/windows:1`));
    const { left } = await copyTo(registry, set, 'without');
    expect([...left.values()].flat().map(({ digest }) => digest)).toEqual([layer.descriptor.digest]);
    expect(await reach(registry)(at('without')).blobSize(layer.descriptor.digest)).toBeUndefined();
    expect((await copyTo(registry, set, 'with', { nonDistributable: true })).left.size).toBe(0);
    expect(await reach(registry)(at('with')).blobSize(layer.descriptor.digest)).toBe(10);
  });
});
