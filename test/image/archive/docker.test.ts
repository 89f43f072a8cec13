import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createDockerArchive, openArchive, openDockerArchive } from '../../../image/archive/index.js';
import { copy } from '../../../image/copy/index.js';
import { memoryStore } from '../../../image/memory.js';
import { readManifest } from '../../../image/read.js';
import {
  MEDIA_TYPES,
  describe as describeBytes,
  digestOf,
  encodeJson,
  hexOf,
  parseManifest,
  type Descriptor,
} from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { all, blobFrom, failure, layerTar, putArtifact, putImage, putIndex } from '../content.js';
import { entriesOf, fixture, tarOf } from '../tar/helpers.js';
import { archived, dockerArchived } from './helpers.js';

const NAME = '127.0.0.1:5900/c/two:1';

/** The image that crane pulled, as the registry had it. */
async function crane(): Promise<{ store: ReturnType<typeof memoryStore>; descriptor: Descriptor }> {
  const manifest = readFileSync(new URL('../../fixtures/crane/two-1.manifest.json', import.meta.url));
  const store = memoryStore();
  const entries = await entriesOf([fixture('two.docker.tar')]);
  for (const { name, body } of entries) {
    if (name !== 'manifest.json')
      await store.putBlob(blobFrom('application/octet-stream', Buffer.concat(body)));
  }
  const descriptor = describeBytes(MEDIA_TYPES.ociManifest, manifest);
  await store.putManifest(descriptor, manifest, { tags: ['1'] });
  return { store, descriptor };
}

const json = (value: unknown) =>
  ({ name: 'manifest.json', type: 'file', ...bodyOf(encodeJson(value)) }) as const;
const file = (name: string, bytes: Uint8Array) => ({ name, type: 'file', ...bodyOf(bytes) }) as const;
const bodyOf = (bytes: Uint8Array) => ({ mode: 0o644, size: bytes.length, body: [bytes] });

/** What an archive with one image of these layers consists of. */
function configFor(layers: readonly Uint8Array[]): Uint8Array {
  return encodeJson({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map((l) => digestOf(l)) },
  });
}

describe('a docker archive that was written here', () => {
  it.each([
    ['docker', 'two.docker.tar'],
    ['legacy', 'two.legacy.tar'],
  ] as const)("is byte for byte crane's, format %s", async (format, golden) => {
    const { store, descriptor } = await crane();
    const bytes = await dockerArchived({ format }, (sink) =>
      copy(store, sink, [{ descriptor, tags: [NAME] }]),
    );
    expect(bytes.equals(fixture(golden))).toBe(true);
  });

  it('describes old layers as Go does: fields in its order, the topmost one with the whole config', async () => {
    const store = memoryStore();
    const layers = await Promise.all(['a', 'b'].map((seed) => layerTar(seed)));
    const config = {
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
      config: { WorkingDir: '/', Env: ['A=<b>'], Cmd: ['x'] },
      os: 'linux',
      architecture: 'arm64',
      created: '2020-01-02T03:04:05.600Z',
      history: [
        { created: '2019-01-01T00:00:00Z', created_by: 'COPY a', author: 'me', comment: 'first' },
        { created_by: 'ENV A', empty_layer: true },
        { created_by: 'COPY b' },
      ],
    };
    const blobs = [
      blobFrom(MEDIA_TYPES.ociConfig, encodeJson(config)),
      ...layers.map((layer) => blobFrom(MEDIA_TYPES.ociLayer, layer)),
    ];
    for (const blob of blobs) await store.putBlob(blob);
    const [first, ...rest] = blobs.map(({ descriptor }) => descriptor);
    const manifest = encodeJson({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: first,
      layers: rest,
    });
    const descriptor = describeBytes(MEDIA_TYPES.ociManifest, manifest);
    await store.putManifest(descriptor, manifest);
    const bytes = await dockerArchived({ format: 'legacy' }, (sink) =>
      copy(store, sink, [{ descriptor, tags: ['a:1'] }]),
    );
    const found = (await entriesOf([bytes])).filter(({ name }) => name.endsWith('/json'));
    const [low = '', high = ''] = found.map(({ name }) => name.slice(0, 64));
    expect(low).toBe(hexOf(digestOf(`${hexOf(digestOf(layers[0] ?? ''))} `)));
    expect(found.map(({ body }) => Buffer.concat(body).toString())).toEqual([
      '{"architecture":"","author":"me","created":"2019-01-01T00:00:00Z","os":"","rootfs":{"type":"","diff_ids":null},' +
        `"config":{},"container_config":{"Cmd":["COPY a"]},"id":"${low}","comment":"first"}`,
      '{"architecture":"arm64","created":"2020-01-02T03:04:05.6Z","os":"linux","rootfs":{"type":"","diff_ids":null},' +
        '"config":{"Cmd":["x"],"Env":["A=\\u003cb\\u003e"],"WorkingDir":"/"},' +
        `"container_config":{"Cmd":["COPY b"]},"id":"${high}","parent":"${low}"}`,
    ]);
  });

  it('holds several images, layers once, and names as they were spelled', async () => {
    const bytes = await dockerArchived({ repository: 'r.example/x' }, async (sink) => {
      await putImage(sink, {
        seed: 'b',
        tags: ['short/name', 'v2', 'r.example/b@sha256:0'],
        layers: ['none', 'gzip'],
      });
      await putImage(sink, { seed: 'a', tags: ['a:1'] });
      await putImage(sink, { seed: 'b', tags: ['also:1'], layers: ['none', 'gzip'] });
      await putImage(sink, { seed: 'c', top: true });
      await putImage(sink, { seed: 'd', tags: ['a:1'] });
    });
    const entries = await entriesOf([bytes]);
    const names = entries.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.at(-1)).toBe('manifest.json');
    const list = JSON.parse(Buffer.concat(entries.at(-1)?.body ?? []).toString()) as {
      RepoTags: string[] | null;
      Layers: string[];
    }[];
    expect(list.map(({ RepoTags }) => RepoTags)).toEqual([
      null,
      null,
      ['a:1'],
      ['also:1', 'r.example/x:v2', 'short/name:latest'],
    ]);
    expect(list.at(-1)?.Layers.map((name) => name.slice(64))).toEqual(['.tar', '.tar.gz']);
    const source = await openDockerArchive(bytes);
    expect(await all(source.tags?.())).toEqual(['a:1', 'also:1', 'r.example/x:v2', 'short/name:latest']);
    const found = await source.resolve('short/name');
    expect((await source.resolve('docker.io/short/name:latest'))?.digest).toBe(found?.digest);
    expect((await source.resolve(found?.digest ?? ''))?.digest).toBe(found?.digest);
    expect(await source.resolve('short/name:2')).toBeUndefined();
    expect(await source.resolve(digestOf('nothing'))).toBeUndefined();
    expect((await failure(source.resolve(''))).code).toBe('REFERENCE_INVALID');
  });

  it('refuses indexes and artifacts, and says what to do', async () => {
    const folder = await tempFolder();
    const sink = await createDockerArchive(join(folder, 'a.tar'));
    const image = await putImage(sink, { seed: 'a' });
    const index = await failure(putIndex(sink, [image], { top: true }));
    expect(index.code).toBe('UNSUPPORTED');
    expect(index.message).toContain('--platform');
    expect((await failure(putArtifact(sink, { top: true }))).message).toContain('OCI layout');
    const store = memoryStore();
    const other = await putImage(store, { seed: 'b' });
    expect((await failure(sink.putManifest(other, await store.manifest(other)))).code).toBe(
      'MANIFEST_BLOB_UNKNOWN',
    );
    await sink.abandon?.();
    expect(await readdir(folder)).toEqual([]);
    expect(
      (await failure(dockerArchived({}, (bad) => putImage(bad, { seed: 'a', tags: ['a b'] })))).code,
    ).toBe('INVALID_OPTION');
  });

  it('tells where layers are that it does not have', async () => {
    const foreign = {
      ...describeBytes(MEDIA_TYPES.dockerForeignLayer, Buffer.from('far away')),
      urls: ['https://x.example/?a=1&b=2'],
    };
    const own = gzipSync(await layerTar('own'));
    const config = encodeJson({
      os: 'windows',
      architecture: 'amd64',
      rootfs: { diff_ids: [digestOf('far'), digestOf('own')] },
    });
    const manifest = encodeJson({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.dockerManifest,
      config: describeBytes(MEDIA_TYPES.dockerConfig, config),
      layers: [foreign, describeBytes(MEDIA_TYPES.dockerLayer, own)],
    });
    const bytes = await dockerArchived({}, async (sink) => {
      await sink.putBlob(blobFrom(MEDIA_TYPES.dockerConfig, config));
      await sink.putBlob(blobFrom(MEDIA_TYPES.dockerLayer, own));
      await sink.putManifest(describeBytes(MEDIA_TYPES.dockerManifest, manifest), manifest, {
        tags: ['w:1'],
      });
    });
    const entries = await entriesOf([bytes]);
    const text = Buffer.concat(entries.at(-1)?.body ?? []).toString();
    expect(text).toContain('a=1\\u0026b=2');
    expect(JSON.parse(text)).toMatchObject([{ LayerSources: { [digestOf('far')]: foreign } }]);
    const source = await openDockerArchive(bytes);
    const found = await source.resolve('w:1');
    if (found === undefined) throw new Error('not found');
    const read = parseManifest(await readManifest(source, found));
    expect(read.kind === 'image' && read.layers).toMatchObject([
      foreign,
      { mediaType: MEDIA_TYPES.dockerLayer },
    ]);
    expect((await failure(source.blob(foreign))).code).toBe('BLOB_UNKNOWN');
  });
});

describe('docker archives of other tools', () => {
  it.each([
    ['two.docker.tar', MEDIA_TYPES.dockerLayer],
    ['two.legacy.tar', MEDIA_TYPES.dockerLayerPlain],
  ])('are read, layers as they lie: %s', async (name, mediaType) => {
    const source = await openDockerArchive(fixture(name));
    const descriptor = await source.resolve('');
    expect(await source.resolve(NAME)).toEqual(descriptor);
    expect(await source.resolve('1')).toEqual(descriptor);
    if (descriptor === undefined) throw new Error('not found');
    const manifest = parseManifest(await readManifest(source, descriptor));
    expect(manifest).toMatchObject({ kind: 'image', mediaType: MEDIA_TYPES.dockerManifest });
    expect(manifest.kind === 'image' && manifest.layers.map((layer) => layer.mediaType)).toEqual([
      mediaType,
      mediaType,
    ]);
    const store = memoryStore();
    expect((await copy(source, store, [{ descriptor }])).sent.blobs).toBe(3);
    const again = await openDockerArchive(fixture(name));
    expect(await again.manifest(descriptor)).toEqual(await source.manifest(descriptor));
    expect((await all(source.roots?.())).map(({ tag }) => tag)).toEqual([NAME]);
  });

  it('are read with links inside, each layer by its own packing, and names with ./', async () => {
    const layers = [await layerTar('a'), await layerTar('b'), await layerTar('a')];
    const [a, b] = [layers[0] ?? Buffer.of(), layers[1] ?? Buffer.of()];
    const bytes = await tarOf([
      file('./blobs/a.tar', a),
      { name: 'one/', type: 'directory' },
      { name: 'one/layer.tar', type: 'symlink', linkname: '../blobs/a.tar' },
      { name: 'two/layer.tar', type: 'link', linkname: 'one/layer.tar' },
      file('b', gzipSync(b)),
      file('c.json', configFor(layers)),
      json([{ Config: './c.json', RepoTags: ['x:1'], Layers: ['one/layer.tar', 'b', './two//layer.tar'] }]),
    ]);
    const source = await openDockerArchive(bytes);
    const found = await source.resolve('x:1');
    if (found === undefined) throw new Error('not found');
    const manifest = parseManifest(await readManifest(source, found));
    expect(manifest.kind === 'image' && manifest.layers).toEqual([
      describeBytes(MEDIA_TYPES.dockerLayerPlain, a),
      describeBytes(MEDIA_TYPES.dockerLayer, gzipSync(b)),
      describeBytes(MEDIA_TYPES.dockerLayerPlain, a),
    ]);
  });

  it('keep their digests where Docker has put a whole layout beside, and only then', async () => {
    let image: Descriptor | undefined;
    const bytes = await archived({ dockerManifest: true }, async (sink) => {
      image = await putImage(sink, { seed: 'a', tags: ['r.example/a:1'] });
    });
    const source = await openDockerArchive(bytes);
    expect((await source.resolve('r.example/a:1'))?.digest).toBe(image?.digest);
    expect(source.name).toBe('docker-archive:the archive');
    const entries = await entriesOf([bytes]);
    const without = entries.filter(
      ({ name }) => name !== `blobs/sha256/${hexOf(image?.digest ?? digestOf(''))}`,
    );
    const made = await openDockerArchive(await tarOf(without));
    const found = await made.resolve('r.example/a:1');
    expect(found?.mediaType).toBe(MEDIA_TYPES.dockerManifest);
    expect(await all((await openArchive(await tarOf(without))).tags?.())).toEqual(['r.example/a:1']);
  });

  it('with the same tag name for several images are told apart by their full names', async () => {
    const REF = 'org.opencontainers.image.ref.name';
    const FULL = 'io.containerd.image.name';
    const store = memoryStore();
    const images = [await putImage(store, { seed: 'a' }), await putImage(store, { seed: 'b' })];
    const index = encodeJson({
      schemaVersion: 2,
      manifests: images.map((image, at) => ({
        ...image,
        annotations: { [REF]: 'latest', [FULL]: `docker.io/library/${'ab'.charAt(at)}:latest` },
      })),
    });
    const bytes = await tarOf([
      file('index.json', index),
      ...[...store.contents].map(([digest, blob]) => file(`blobs/sha256/${hexOf(digest)}`, blob)),
    ]);
    const source = await openArchive(bytes);
    expect(await all(source.tags?.())).toEqual(['docker.io/library/a:latest', 'docker.io/library/b:latest']);
    expect((await source.resolve('b'))?.digest).toBe(images[1]?.digest);
    expect((await failure(source.resolve('latest'))).code).toBe('REFERENCE_INVALID');
  });

  it.each([
    [
      'a link in circles',
      [
        { name: 'a', type: 'symlink', linkname: 'b' },
        { name: 'b', type: 'symlink', linkname: 'a' },
      ],
      'a',
      'CONTENT_INVALID',
    ],
    [
      'a link out of it',
      [{ name: 'a', type: 'symlink', linkname: '../../etc/passwd' }],
      'a',
      'CONTENT_INVALID',
    ],
    ['an absolute link', [{ name: 'a', type: 'symlink', linkname: '/etc/passwd' }], 'a', 'CONTENT_INVALID'],
    ['a layer that is not there', [], 'a', 'CONTENT_INVALID'],
    ['a layer of other bytes', [file('a', Buffer.alloc(1024))], 'a', 'CONTENT_INVALID'],
    ['a layer with a name that leads out', [], '../a', 'CONTENT_INVALID'],
  ] as const)('are refused: %s', async (_, entries, layer, code) => {
    const config = configFor([await layerTar('a')]);
    const bytes = await tarOf([
      ...entries,
      file('c', config),
      json([{ Config: 'c', RepoTags: null, Layers: [layer] }]),
    ]);
    const read = async () => await (await openDockerArchive(bytes)).resolve('');
    expect((await failure(read())).code).toBe(code);
  });

  it.each([
    ['no list', {}, 'CONTENT_INVALID'],
    ['an entry without a config', [{ Layers: [] }], 'CONTENT_INVALID'],
    ['layers that are no names', [{ Config: 'c', Layers: [1] }], 'CONTENT_INVALID'],
    ['more layers than the config knows', [{ Config: 'c', Layers: ['c', 'c'] }], 'CONTENT_INVALID'],
    ['a config that is not there', [{ Config: 'd', Layers: [] }], 'CONTENT_INVALID'],
    ["imgpkg's", [{ Image: {}, ImageIndex: null }], 'INVALID_OPTION'],
    ['no images at all', [], 'REFERENCE_INVALID'],
  ] as const)('are refused: a manifest.json that is or has %s', async (_, list, code) => {
    const bytes = await tarOf([file('c', configFor([])), json(list)]);
    const read = async () => await (await openDockerArchive(bytes)).resolve('');
    expect((await failure(read())).code).toBe(code);
  });

  it('are refused: an OCI layout without manifest.json', async () => {
    expect((await failure(openDockerArchive(fixture('idx.oci.tar')))).code).toBe('INVALID_OPTION');
  });
});
