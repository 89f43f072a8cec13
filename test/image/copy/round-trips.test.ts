import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RemoteRepository, remoteSink, remoteSource } from '../../../client/index.js';
import {
  createDockerArchive,
  createLayoutArchive,
  openArchive,
  openDockerArchive,
} from '../../../image/archive/index.js';
import { compress } from '../../../image/compression.js';
import { copy } from '../../../image/copy/index.js';
import { createLayout, openLayout } from '../../../image/layout/index.js';
import type { Sink, Source } from '../../../image/media.js';
import { readManifest } from '../../../image/read.js';
import {
  MEDIA_TYPES,
  childrenOf,
  collect,
  describe as descriptorOf,
  digestOf,
  encodeJson,
  isImageType,
  parseManifest,
  streamOf,
  type Descriptor,
} from '../../../oci/index.js';
import { startRegistry, type StartOptions, type TestRegistry } from '../../../testing/index.js';
import { clientOf } from '../../client/site.js';
import { tempFolder } from '../../helpers/temp.js';

interface Content {
  readonly what: string;
  readonly root: Descriptor;
  readonly bytes: Uint8Array;
}

const repositoryOf = (registry: TestRegistry, repository: string): RemoteRepository =>
  new RemoteRepository(clientOf(registry).transport, { registry: registry.host, repository });

async function put(
  sink: Sink,
  mediaType: string,
  document: object,
  tags: string[] = [],
): Promise<Descriptor> {
  const bytes = encodeJson({ schemaVersion: 2, mediaType, ...document });
  const descriptor = descriptorOf(mediaType, bytes);
  await sink.putManifest(descriptor, bytes, { tags, top: true });
  return descriptor;
}

async function blob(sink: Sink, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const descriptor = descriptorOf(mediaType, bytes);
  await sink.putBlob({ descriptor, open: async () => streamOf(bytes) });
  return descriptor;
}

/** One of everything, in `all` of a registry. */
async function contents(registry: TestRegistry): Promise<Content[]> {
  const repository = repositoryOf(registry, 'all');
  const sink = remoteSink(repository);
  await registry.seed({
    all: {
      image: { files: { '/a': 'a' }, layers: 2 },
      docker: { files: { '/a': 'a' }, format: 'docker', compression: 'gzip' },
      index: { files: { '/b': 'b' }, platforms: ['linux/amd64', 'linux/arm64/v8'] },
      artifact: { artifactType: 'text/plain', blobs: [{ mediaType: 'text/plain', content: 'hello' }] },
    },
  });
  const source = remoteSource(repository);
  const index = await source.resolve('index');
  await put(sink, MEDIA_TYPES.ociIndex, { manifests: [index, await source.resolve('image')] }, ['nested']);
  const tar = Buffer.alloc(1024);
  const zstd = await collect(compress(streamOf(tar), 'zstd'), 1e6, 'layer');
  const rootfs = { type: 'layers', diff_ids: [digestOf(tar)] };
  const config = await blob(
    sink,
    encodeJson({ architecture: 'amd64', os: 'linux', rootfs }),
    MEDIA_TYPES.ociConfig,
  );
  const layers = [await blob(sink, zstd, MEDIA_TYPES.ociLayerZstd)];
  await put(sink, MEDIA_TYPES.ociManifest, { config, layers }, ['zstd']);
  const foreign = descriptorOf(MEDIA_TYPES.ociLayerNonDistributableGzip, Buffer.from('elsewhere'));
  const twice = { type: 'layers', diff_ids: [digestOf(tar), digestOf('foreign')] };
  const windows = await blob(
    sink,
    encodeJson({ architecture: 'amd64', os: 'windows', rootfs: twice }),
    MEDIA_TYPES.ociConfig,
  );
  const urls = ['https://example.invalid/layer'];
  await put(sink, MEDIA_TYPES.ociManifest, { config: windows, layers: [layers[0], { ...foreign, urls }] }, [
    'foreign',
  ]);
  const large = { config, layers, annotations: { large: 'x'.repeat(3_900_000) } };
  await put(sink, MEDIA_TYPES.ociManifest, large, ['large']);
  const found: Content[] = [];
  for await (const what of source.tags?.() ?? []) {
    const root = await source.resolve(what);
    if (root === undefined) throw new Error(`no ${what}`);
    found.push({ what, root, bytes: await readManifest(source, root) });
  }
  return found;
}

/** Every manifest and blob below a root, read and checked. */
async function everythingBelow(source: Source, root: Descriptor): Promise<string[]> {
  const found: string[] = [];
  const manifest = parseManifest(await readManifest(source, root), root.mediaType);
  for (const child of childrenOf(manifest)) {
    if (child.mediaType.includes('nondistributable')) continue;
    if (manifest.kind === 'index') found.push(...(await everythingBelow(source, child)));
    else {
      const bytes = await collect(await source.blob(child), 1e8, 'blob');
      expect(digestOf(bytes)).toBe(child.digest);
    }
    found.push(child.digest);
  }
  return found;
}

async function through(source: Source, sink: Sink, root: Descriptor, tag: string): Promise<void> {
  await copy(source, sink, [{ descriptor: root, tags: [tag] }]);
  await sink.finish?.();
}

const NAMES = ['artifact', 'docker', 'foreign', 'image', 'index', 'large', 'nested', 'zstd'];

describe('round trips keep every byte', () => {
  it('registry, layout, archive of a layout, another registry', async () => {
    await using registry = await startRegistry();
    await using other = await startRegistry();
    const folder = await tempFolder();
    const all = await contents(registry);
    expect(all.map(({ what }) => what).toSorted()).toEqual(NAMES);
    const first = remoteSource(repositoryOf(registry, 'all'));
    for (const { what, root, bytes } of all) {
      await through(first, await createLayout(join(folder, 'layout')), root, what);
      const layout = await openLayout(join(folder, 'layout'));
      expect(await layout.resolve(what)).toMatchObject({ digest: root.digest, mediaType: root.mediaType });
      const path = join(folder, `${what}.tar`);
      await through(
        layout,
        await createLayoutArchive(path, { seal: true, dockerManifest: true }),
        root,
        what,
      );
      const archive = await openArchive(path);
      const repository = repositoryOf(other, `copies/${what}`);
      await through(archive, remoteSink(repository), root, what);
      await archive.close();
      const last = remoteSource(repository);
      const arrived = await last.resolve(what);
      expect(arrived).toEqual(root);
      expect(Buffer.compare(await readManifest(last, root), bytes)).toBe(0);
      expect(await everythingBelow(last, root)).toEqual(await everythingBelow(first, root));
    }
  });

  it('registry, docker archive, another registry: config and diff ids', async () => {
    await using registry = await startRegistry();
    await using other = await startRegistry();
    const folder = await tempFolder();
    const all = await contents(registry);
    const first = remoteSource(repositoryOf(registry, 'all'));
    for (const { what, root, bytes } of all.filter(({ root: { mediaType } }) => isImageType(mediaType))) {
      // No image that runs, and one with a layer that is nowhere.
      if (['artifact', 'foreign'].includes(what)) continue;
      const path = join(folder, `${what}.tar`);
      await through(first, await createDockerArchive(path), root, `team/app:${what}`);
      const archive = await openDockerArchive(path);
      const found = await archive.resolve(`team/app:${what}`);
      if (found === undefined) throw new Error(`no ${what}`);
      const repository = repositoryOf(other, 'copies');
      await through(archive, remoteSink(repository), found, what);
      await archive.close();
      const arrived = parseManifest(await readManifest(remoteSource(repository), found), found.mediaType);
      const before = parseManifest(bytes, root.mediaType);
      expect(childrenOf(arrived).map(({ digest, size }) => ({ digest, size }))).toEqual(
        childrenOf(before).map(({ digest, size }) => ({ digest, size })),
      );
    }
  });
});

const REGISTRIES: readonly (readonly [what: string, options: StartOptions])[] = [
  ['with the referrers API', {}],
  ['without it', { profile: 'noReferrers' }],
];

describe.each(REGISTRIES)('to a registry %s', (_, options) => {
  it('a signed index brings all that is signed about it, through a layout and back', async () => {
    await using registry = await startRegistry();
    await using other = await startRegistry(options);
    await registry.seed({ all: { v1: { files: { '/a': 'a' }, platforms: ['linux/amd64', 'linux/arm64'] } } });
    const repository = repositoryOf(registry, 'all');
    const first = remoteSource(repository);
    const sink = remoteSink(repository);
    const root = await first.resolve('v1');
    if (root === undefined) throw new Error('no v1');
    const [child] = childrenOf(parseManifest(await readManifest(first, root), root.mediaType));
    if (child === undefined) throw new Error('no child');
    const empty = await blob(sink, Buffer.from('{}'), MEDIA_TYPES.ociEmpty);
    const about = async (text: string, more: object, tags: string[] = []): Promise<Descriptor> =>
      await put(
        sink,
        MEDIA_TYPES.ociManifest,
        {
          artifactType: `text/${text}`,
          config: empty,
          layers: [await blob(sink, Buffer.from(text), 'text/plain')],
          ...more,
        },
        tags,
      );
    const named = (of: Descriptor, suffix: string): string => `${of.digest.replace(':', '-')}.${suffix}`;
    const sbom = await about('sbom', { subject: child, annotations: { kind: 'sbom' } });
    const carried = [
      sbom,
      await about('signature', { subject: root }),
      await about('of-the-sbom', { subject: sbom }),
      await about('sig', {}, [named(root, 'sig')]),
      await about('att', {}, [named(child, 'att')]),
      await about('cosign-sbom', {}, [named(child, 'sbom')]),
    ];
    const folder = join(await tempFolder(), 'layout');
    await through(first, await createLayout(folder), root, 'v1');
    const target = repositoryOf(other, 'copies');
    const report = await copy(await openLayout(folder), remoteSink(target), [
      { descriptor: root, tags: ['v1'] },
    ]);
    expect(new Set(report.carried.map(({ descriptor }) => descriptor.digest))).toEqual(
      new Set(carried.map(({ digest }) => digest)),
    );
    const last = remoteSource(target);
    for (const descriptor of carried)
      expect(
        Buffer.compare(await readManifest(last, descriptor), await readManifest(first, descriptor)),
      ).toBe(0);
    const referrers = async (source: Source, of: Descriptor): Promise<Descriptor[]> => {
      const list: Descriptor[] = [];
      for await (const descriptor of source.referrers?.(of.digest) ?? []) list.push(descriptor);
      return list.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
    };
    for (const of of [root, child, sbom]) {
      const there = await referrers(last, of);
      expect(there).toHaveLength(1);
      expect(there).toEqual(await referrers(first, of));
    }
    for (const tag of [named(root, 'sig'), named(child, 'att'), named(child, 'sbom')])
      expect((await last.resolve(tag))?.digest).toBe((await first.resolve(tag))?.digest);
  });
});
