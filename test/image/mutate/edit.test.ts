import { describe, expect, it } from 'vitest';
import { emptyImage, emptyIndex } from '../../../image/empty.js';
import { layerFromBytes } from '../../../image/layer.js';
import {
  annotate,
  appendLayers,
  appendToIndex,
  convertTo,
  eachImage,
  editConfig,
  filterIndex,
  platformOf,
  rebase,
  removeFromIndex,
  setSubject,
  type ConfigPatch,
} from '../../../image/mutate/index.js';
import { randomImage, randomIndex } from '../../../image/random.js';
import {
  imageFrom,
  indexFrom,
  openView,
  sourceOf,
  type ImageView,
  type View,
} from '../../../image/views/index.js';
import { compress } from '../../../image/compression.js';
import { MEDIA_TYPES, digestOf, streamOf, type Descriptor } from '../../../oci/index.js';
import { MemorySource, bytesOf, failure, textOf } from '../helpers.js';

type Json = Record<string, unknown>;

const configOf = async (image: ImageView): Promise<Json> => JSON.parse(textOf(await image.config())) as Json;
const manifestOf = async (view: { raw(): Promise<Uint8Array> }): Promise<Json> =>
  JSON.parse(textOf(await view.raw())) as Json;

/** An image as other tools write them: fields in another order, and some that nobody knows. */
function foreign(config: Json, manifest: Json = {}, memory = new MemorySource()): ImageView {
  return imageFrom(
    memory,
    memory.add(MEDIA_TYPES.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      'x-manifest': [1],
      ...manifest,
      config: {
        ...memory.add(MEDIA_TYPES.ociConfig, {
          'x-config': { a: 1 },
          rootfs: { type: 'layers', diff_ids: [digestOf('')] },
          ...config,
        }),
        'x-descriptor': true,
      },
      layers: [{ ...memory.add(MEDIA_TYPES.ociLayer, Buffer.from('')), 'x-layer': 'kept' }],
    }),
  );
}

const inner = async (image: ImageView, patch: ConfigPatch): Promise<Json> =>
  (await configOf(await editConfig(image, patch))).config as Json;

describe('an edited config', () => {
  it('keeps what nobody knows, in config, manifest and descriptors', async () => {
    const edited = await editConfig(foreign({ os: 'linux', config: { Zone: 1 } }), { user: 'me' });
    expect(await configOf(edited)).toMatchObject({ 'x-config': { a: 1 }, config: { Zone: 1, User: 'me' } });
    expect(await manifestOf(edited)).toMatchObject({
      'x-manifest': [1],
      config: { 'x-descriptor': true, digest: digestOf(await edited.config()) },
      layers: [{ 'x-layer': 'kept' }],
    });
  });

  it('keeps a subject, and refreshes a copy of the config in the manifest', async () => {
    const subject = { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf('s'), size: 1 };
    const memory = new MemorySource();
    const bytes = Buffer.from('{"os":"linux"}');
    const config = { ...memory.add(MEDIA_TYPES.ociConfig, bytes), data: bytes.toString('base64') };
    const descriptor = memory.add(MEDIA_TYPES.ociManifest, { schemaVersion: 2, subject, config, layers: [] });
    const edited = await editConfig(imageFrom(memory, descriptor), { user: 'me' });
    const written = (await manifestOf(edited)) as { subject: unknown; config: Descriptor };
    expect(written.subject).toEqual(subject);
    expect(Buffer.from(written.config.data ?? '', 'base64').equals(Buffer.from(await edited.config()))).toBe(
      true,
    );
    expect((await edited.manifest()).config.digest).toBe(digestOf(await edited.config()));
  });

  it('is the same image when nothing changes, whatever the order of its fields', async () => {
    const image = foreign({ os: 'linux', config: { User: 'me', Labels: { b: '1', a: '2' } } });
    expect(await editConfig(image, {})).toBe(image);
    expect(await editConfig(image, { user: 'me', labels: { a: '2', none: null }, cmd: null })).toBe(image);
    expect(await annotate(image, { none: null })).toBe(image);
    expect(await appendLayers(image, [])).toBe(image);
  });

  it('takes away labels, variables and all the rest', async () => {
    const full = foreign({
      author: 'me',
      created: '2024-01-01T00:00:00Z',
      config: {
        Labels: { a: '1', b: '2' },
        Env: ['PATH=/bin', 'A=1', 'EMPTY', 'A=2'],
        Entrypoint: ['/e'],
        Cmd: ['c'],
        User: 'u',
        WorkingDir: '/w',
        ExposedPorts: { '1/tcp': {} },
        Volumes: { '/v': {} },
        StopSignal: 'TERM',
        Healthcheck: { Test: ['NONE'] },
        Shell: ['/bin/sh'],
      },
    });
    expect(
      await inner(full, { labels: { a: null }, env: { A: null, NEW: '', PATH: '/new', EMPTY: 'x' } }),
    ).toMatchObject({
      Labels: { b: '2' },
      Env: ['PATH=/new', 'EMPTY=x', 'NEW='],
    });
    expect((await inner(full, { env: { A: '3' } })).Env).toEqual(['PATH=/bin', 'A=3', 'EMPTY']);
    expect((await inner(full, { entrypoint: ['/x'] })).Cmd).toEqual(['c']);
    const nothing: Record<keyof Omit<ConfigPatch, 'platform'>, null> = {
      labels: null,
      env: null,
      entrypoint: null,
      cmd: null,
      shell: null,
      user: null,
      workingDir: null,
      exposedPorts: null,
      volumes: null,
      stopSignal: null,
      healthcheck: null,
      author: null,
      created: null,
    };
    const bare = await configOf(await editConfig(full, nothing));
    expect(bare).toEqual({ 'x-config': { a: 1 }, rootfs: expect.anything() as unknown, config: {} });
  });

  it('sets ports, volumes, health, times and platforms, and what it had of a platform goes', async () => {
    const image = foreign({ os: 'linux', architecture: 'arm', variant: 'v6', 'os.features': ['x'] });
    const edited = await configOf(
      await editConfig(image, {
        exposedPorts: ['80/tcp', '53/udp'],
        volumes: ['/data'],
        stopSignal: 'SIGINT',
        healthcheck: { Test: ['CMD', 'true'], Interval: 5e9 },
        created: new Date('2024-01-31T00:00:00.000Z'),
        platform: { os: 'linux', architecture: 'arm64' },
      }),
    );
    expect(edited).toMatchObject({
      architecture: 'arm64',
      created: '2024-01-31T00:00:00Z',
      config: {
        ExposedPorts: { '53/udp': {}, '80/tcp': {} },
        Volumes: { '/data': {} },
        Healthcheck: { Test: ['CMD', 'true'], Interval: 5_000_000_000 },
        StopSignal: 'SIGINT',
      },
    });
    expect(Object.keys(edited)).not.toContain('variant');
    expect(Object.keys(edited)).not.toContain('os.features');
  });

  it('of Windows has variables in capitals, which are the same in any', async () => {
    const image = foreign({ os: 'windows', config: { Env: ['Path=c:\\'] } });
    expect((await inner(image, { env: { path: 'd:\\', new: '1' } })).Env).toEqual(['Path=d:\\', 'NEW=1']);
  });

  it.each<ConfigPatch>([
    { env: { 'A=B': 'c' } },
    { env: { '': 'c' } },
    { labels: { '': 'c' } },
    { exposedPorts: ['80/TCP!'] },
    { created: 'yesterday' },
    { created: '' },
    { created: new Date(Number.NaN) },
  ])('refuses %j', async (patch) => {
    expect((await failure(editConfig(emptyImage(), patch))).code).toBe('INVALID_OPTION');
  });

  it('is not there for an artifact, whose config stays byte for byte when layers come', async () => {
    const memory = new MemorySource();
    const artifact = imageFrom(
      memory,
      memory.add(MEDIA_TYPES.ociManifest, {
        schemaVersion: 2,
        artifactType: 'text/x',
        config: memory.add(MEDIA_TYPES.ociEmpty, Buffer.from('{}')),
        layers: [],
      }),
    );
    expect((await failure(editConfig(artifact, { user: 'me' }))).code).toBe('UNSUPPORTED');
    const layer = await layerFromBytes(Buffer.from('x'), { compression: 'none' });
    const appended = await appendLayers(artifact, [
      { layer, mediaType: 'text/plain', annotations: { a: 'b' }, urls: ['u'] },
    ]);
    expect(textOf(await appended.config())).toBe('{}');
    expect(await manifestOf(appended)).toMatchObject({
      artifactType: 'text/x',
      layers: [{ mediaType: 'text/plain', annotations: { a: 'b' }, urls: ['u'] }],
    });
    expect(await platformOf(artifact)).toBeUndefined();
  });
});

describe('annotations and subjects', () => {
  it('come and go on images and indexes', async () => {
    for (const view of [await randomImage(), await randomIndex()]) {
      // oxlint-disable-next-line no-await-in-loop
      const annotated = await annotate(view, { b: '1', a: '<2>' });
      // oxlint-disable-next-line no-await-in-loop
      expect(textOf(await annotated.raw())).toContain('"annotations":{"a":"\\u003c2\\u003e","b":"1"}');
      // oxlint-disable-next-line no-await-in-loop
      expect((await annotate(annotated, { a: null, b: null })).descriptor).toEqual(view.descriptor);
      const subject = { ...view.descriptor, annotations: { not: 'told' } };
      // oxlint-disable-next-line no-await-in-loop
      const referring = await setSubject(annotated, subject);
      // oxlint-disable-next-line no-await-in-loop
      expect((await manifestOf(referring)).subject).toEqual(view.descriptor);
      // oxlint-disable-next-line no-await-in-loop
      expect((await setSubject(referring, null)).descriptor).toEqual(annotated.descriptor);
    }
    expect((await failure(annotate(emptyImage(), { '': 'x' }))).code).toBe('INVALID_OPTION');
  });
});

describe('layers appended', () => {
  it('keep their origin, their history and their place beside it', async () => {
    const memory = new MemorySource({ registry: 'r', repository: 'a' });
    const bare = foreign({ os: 'linux' }, {}, memory);
    const layer = await layerFromBytes(Buffer.from('new'));
    const appended = await appendLayers(bare, [
      { layer, history: { created_by: 'me', created: '2024-01-01T00:00:00Z' } },
    ]);
    expect((await configOf(appended)).history).toEqual([
      { created: '0001-01-01T00:00:00Z' },
      { created: '2024-01-01T00:00:00Z', created_by: 'me' },
    ]);
    const source = sourceOf(appended);
    await source.manifest(appended.descriptor);
    const { config, layers } = await appended.manifest();
    expect([config, ...layers].map((blob) => source.originsOf?.(blob))).toEqual([
      [],
      [{ registry: 'r', repository: 'a' }],
      [],
    ]);
    expect(textOf(await bytesOf(source.blob(config)))).toBe(textOf(await appended.config()));
  });
});

describe('an image on another base', () => {
  const on = async (base: ImageView, text: string, patch: ConfigPatch = {}): Promise<ImageView> =>
    editConfig(await appendLayers(base, [await layerFromBytes(Buffer.from(text))]), patch);
  const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };

  it('has the new layers and platform, and keeps the rest', async () => {
    const [oldBase, newBase] = [
      await randomImage({ seed: 1, layers: 2 }),
      await randomImage({ seed: 2, platform, family: 'docker' }),
    ];
    const app = await annotate(
      await on(oldBase, 'app', { user: 'me', created: '2024-05-05T00:00:00Z', author: 'a' }),
      {
        mine: 'kept',
        'org.opencontainers.image.base.name': 'stale',
      },
    );
    const rebased = await rebase(app, oldBase, newBase);
    const [own] = (await app.layers()).slice(2);
    const layers = await rebased.layers();
    expect(layers.map(({ descriptor }) => descriptor.digest)).toEqual([
      (await newBase.layers())[0]?.descriptor.digest,
      own?.descriptor.digest,
    ]);
    expect(new Set(layers.map(({ descriptor }) => descriptor.mediaType))).toEqual(
      new Set([MEDIA_TYPES.ociLayerGzip]),
    );
    const config = await configOf(rebased);
    expect(config).toMatchObject({
      variant: 'v7',
      created: '2024-05-05T00:00:00Z',
      author: 'a',
      config: { User: 'me' },
    });
    expect(config.history).toHaveLength(2);
    expect(config.rootfs).toEqual({
      type: 'layers',
      diff_ids: await Promise.all(layers.map((layer) => layer.diffId())),
    });
    expect((await rebased.manifest()).annotations).toEqual({
      mine: 'kept',
      'org.opencontainers.image.base.digest': newBase.descriptor.digest,
    });
  });

  it('keeps its own layers when it has no history', async () => {
    const base = foreign({ os: 'linux' });
    const { layers: listed, config } = await base.manifest();
    expect([listed.length, config.mediaType]).toEqual([1, MEDIA_TYPES.ociConfig]);
    const app = await on(emptyImage(), 'app');
    const stripped = { ...(await configOf(app)), history: undefined };
    const memory = new MemorySource();
    const bytes = await bytesOf((await app.layers())[0]?.open() ?? streamOf());
    const image = imageFrom(
      memory,
      memory.add(MEDIA_TYPES.ociManifest, {
        schemaVersion: 2,
        config: memory.add(MEDIA_TYPES.ociConfig, stripped),
        layers: [memory.add(MEDIA_TYPES.ociLayerGzip, bytes)],
      }),
    );
    const rebased = await rebase(image, emptyImage(), await randomImage({ seed: 4 }));
    expect(await rebased.layers()).toHaveLength(2);
    expect((await configOf(rebased)).history).toHaveLength(2);
  });

  it('is refused when it does not stand on the old one', async () => {
    const base = await randomImage({ seed: 1 });
    const found = await failure(rebase(base, await randomImage({ seed: 2 }), base));
    expect(found.code).toBe('PRECONDITION_FAILED');
    expect(found.message).toContain('layer 1 of the base');
    expect((await failure(rebase(emptyImage(), base, base))).message).toContain('only 0 layers');
    const untold = foreign({ rootfs: {} });
    expect((await failure(rebase(base, base, untold))).message).toContain('tells what 0 unpack to');
  });
});

describe('an index', () => {
  const arm = { os: 'linux', architecture: 'arm64' };

  it('takes images with what is said of them, and indexes with or without their entries', async () => {
    const index = await randomIndex({ seed: 3 });
    const platform = { ...arm, variant: 'v9' };
    const one = await appendToIndex(emptyIndex('docker'), [
      { view: await randomImage(), platform, annotations: { a: 'b' } },
    ]);
    expect((await one.manifest()).manifests).toMatchObject([{ platform, annotations: { a: 'b' } }]);
    const flat = await appendToIndex(one, [index]);
    expect((await flat.manifest()).manifests).toHaveLength(3);
    const nested = await appendToIndex(one, [index], { flatten: false });
    const [, entry] = (await nested.manifest()).manifests;
    expect(entry).toMatchObject({ mediaType: MEDIA_TYPES.ociIndex, digest: index.descriptor.digest });
    const memory = new MemorySource();
    const text = memory.add('text/plain', Buffer.from('listed beside'));
    const beside = indexFrom(
      memory,
      memory.add(MEDIA_TYPES.ociIndex, { schemaVersion: 2, manifests: [text] }),
    );
    const mixed = await appendToIndex(flat, [beside]);
    expect(textOf(await bytesOf(sourceOf(mixed).blob(text)))).toBe('listed beside');
    for (const view of [flat, nested]) {
      const all = sourceOf(view);
      // oxlint-disable-next-line no-await-in-loop
      for (const { digest } of (await view.manifest()).manifests)
        expect(await all.resolve(digest)).toBeDefined();
    }
  });

  it('loses entries by platform or digest, and keeps what nobody knows in the others', async () => {
    const memory = new MemorySource();
    const entries = [
      { ...memory.add(MEDIA_TYPES.ociManifest, { a: 1 }), platform: arm, 'x-entry': 1 },
      {
        ...memory.add(MEDIA_TYPES.ociManifest, { a: 2 }),
        platform: { os: 'windows', architecture: 'amd64' },
      },
      memory.add(MEDIA_TYPES.ociManifest, { a: 3 }),
    ];
    const index = indexFrom(
      memory,
      memory.add(MEDIA_TYPES.ociIndex, { schemaVersion: 2, 'x-index': 1, manifests: entries }),
    );
    const linux = await filterIndex(index, [{ os: 'linux' }]);
    expect(await manifestOf(linux)).toEqual({
      schemaVersion: 2,
      'x-index': 1,
      manifests: entries.slice(0, 1),
    });
    expect((await failure(filterIndex(index, []))).code).toBe('INVALID_OPTION');
    const [first] = entries;
    const without = await removeFromIndex(index, first === undefined ? [] : [first.digest]);
    expect((await manifestOf(without)).manifests).toEqual(entries.slice(1));
    expect((await failure(removeFromIndex(index, [digestOf('no')]))).code).toBe('MANIFEST_UNKNOWN');
  });
});

describe('a conversion', () => {
  it('of an index changes everything below it, and back gives the same', async () => {
    const index = await randomIndex({ seed: 5 });
    const docker = await convertTo(index, 'docker');
    const types = async (view: typeof index): Promise<Set<string>> => {
      const found = new Set([view.descriptor.mediaType]);
      for (const entry of (await view.manifest()).manifests) {
        // oxlint-disable-next-line no-await-in-loop
        const image = await openView(sourceOf(view), entry);
        if (image.kind !== 'image') continue;
        // oxlint-disable-next-line no-await-in-loop
        const { mediaType, config, layers } = await image.manifest();
        for (const type of [
          entry.mediaType,
          mediaType,
          config.mediaType,
          ...layers.map((layer) => layer.mediaType),
        ])
          found.add(type);
        if (entry.artifactType !== undefined) found.add(entry.artifactType);
      }
      return found;
    };
    expect(await types(docker)).toEqual(
      new Set([
        MEDIA_TYPES.dockerManifestList,
        MEDIA_TYPES.dockerManifest,
        MEDIA_TYPES.dockerConfig,
        MEDIA_TYPES.dockerLayer,
      ]),
    );
    const back = await convertTo(docker, 'oci');
    expect(back.descriptor).toEqual(index.descriptor);
    expect(await convertTo(index, 'oci')).toBe(index);
  });

  it('of indexes that list the same again and again changes it once', async () => {
    let view: View = await randomImage({ layers: 1 });
    for (let level = 0; level < 12; level++)
      view = await appendToIndex(
        emptyIndex(),
        Array.from({ length: 8 }, () => view),
        { flatten: false },
      );
    const docker = await convertTo(view, 'docker');
    expect((await convertTo(docker, 'oci')).descriptor.digest).toBe(view.descriptor.digest);
    let changes = 0;
    if (view.kind !== 'index') throw new Error('it is an index');
    await eachImage(
      view,
      (image) => {
        changes++;
        return Promise.resolve(image);
      },
      {},
    );
    expect(changes).toBe(1);
  });

  it('is refused for what Docker has no type for', async () => {
    const packed = await bytesOf(compress(streamOf(Buffer.from('x')), 'zstd'));
    const image = await appendLayers(emptyImage(), [await layerFromBytes(packed)]);
    const found = await failure(convertTo(image, 'docker'));
    expect(found.code).toBe('UNSUPPORTED');
    expect(found.message).toContain('Docker has no type');
  });
});
