import { describe, expect, it } from 'vitest';
import { gzipSync } from 'node:zlib';
import {
  imageFrom,
  indexFrom,
  openView,
  parsePlatformFilter,
  selectPlatform,
  sourceOf,
} from '../../../image/views/index.js';
import { MEDIA_TYPES, digestOf, isManifestType, type Descriptor, type Platform } from '../../../oci/index.js';
import { MemorySource, bytesOf, failure } from '../helpers.js';

const TAR = Buffer.from('not looked into');

function addImage(source: MemorySource, platform: Platform, diffIds?: readonly string[]): Descriptor {
  const config = { ...platform, rootfs: { type: 'layers', diff_ids: diffIds ?? [digestOf(TAR)] } };
  return source.add(MEDIA_TYPES.ociManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: source.add(MEDIA_TYPES.ociConfig, config),
    layers: [source.add(MEDIA_TYPES.ociLayerGzip, gzipSync(TAR))],
  });
}

const addIndex = (source: MemorySource, ...manifests: readonly Partial<Descriptor>[]): Descriptor =>
  source.add(MEDIA_TYPES.ociIndex, { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests });

const amd = { os: 'linux', architecture: 'amd64' };
const arm = { os: 'linux', architecture: 'arm64' };

describe('an image of a source', () => {
  it('reads nothing before it is asked, and then once, also for callers at the same time', async () => {
    const source = new MemorySource();
    const descriptor = addImage(source, amd);
    const image = imageFrom(source, descriptor);
    expect(source.asked).toEqual([]);
    const [first] = await Promise.all([image.config(), image.config(), image.raw(), image.manifest()]);
    await image.layers();
    const { config } = await image.manifest();
    expect(source.asked).toEqual([`manifest ${descriptor.digest}`, `blob ${config.digest}`]);
    expect(digestOf(first)).toBe(config.digest);
  });

  it('has layers that unpack to the diff ids of the config, which are not computed', async () => {
    const source = new MemorySource({ registry: 'r:1', repository: 'app' });
    const image = imageFrom(source, addImage(source, amd));
    const [layer] = await image.layers();
    expect(source.asked).toEqual([`manifest ${image.descriptor.digest}`]);
    const { config } = await image.manifest();
    expect([await layer?.diffId(), await layer?.diffId()]).toEqual([digestOf(TAR), digestOf(TAR)]);
    expect(source.asked.slice(1)).toEqual([`blob ${config.digest}`]);
    expect(layer && (await bytesOf(layer.uncompressed()))).toEqual(TAR);
    expect(layer?.origin).toEqual({ registry: 'r:1', repository: 'app' });
  });

  it('computes diff ids where the config does not have one for each layer', async () => {
    const source = new MemorySource();
    const [layer] = await imageFrom(source, addImage(source, amd, [])).layers();
    expect(await layer?.diffId()).toBe(digestOf(TAR));
  });

  it('checks every byte', async () => {
    const source = new MemorySource();
    const descriptor = addImage(source, amd);
    const { config, layers } = await imageFrom(source, descriptor).manifest();
    source.spoil(config, Buffer.alloc(config.size));
    expect((await failure(imageFrom(source, descriptor).config())).code).toBe('DIGEST_MISMATCH');
    source.spoil(descriptor, Buffer.alloc(descriptor.size));
    expect((await failure(imageFrom(source, descriptor).raw())).code).toBe('DIGEST_MISMATCH');
    expect(layers).toHaveLength(1);
  });

  it('tries again after a failure, and an abort of one caller is not that of another', async () => {
    const source = new MemorySource();
    const descriptor = addImage(source, amd);
    const image = imageFrom(source, descriptor);
    const bytes = await imageFrom(source, descriptor).raw();
    source.spoil(descriptor, Buffer.alloc(3));
    expect((await failure(image.raw())).code).toBe('DIGEST_MISMATCH');
    source.spoil(descriptor, bytes);
    await expect(image.raw({ signal: AbortSignal.abort(new Error('mine')) })).rejects.toThrow('mine');
    expect(await image.raw()).toEqual(bytes);
  });

  it('is refused when it is an index, and the other way round', async () => {
    const source = new MemorySource();
    const image = addImage(source, amd);
    const index = addIndex(source, image);
    expect((await failure(imageFrom(source, index).manifest())).code).toBe('MANIFEST_INVALID');
    expect((await failure(indexFrom(source, image).manifest())).code).toBe('MANIFEST_INVALID');
  });

  it('is found out by its manifest where the descriptor does not say what it is', async () => {
    const source = new MemorySource();
    const image = addImage(source, amd);
    const index = addIndex(source, image);
    const untyped = (descriptor: Descriptor): Descriptor => ({ ...descriptor, mediaType: '' });
    expect((await openView(source, untyped(image))).descriptor).toEqual(image);
    expect((await openView(source, untyped(index))).kind).toBe('index');
    const text = source.add('text/plain', Buffer.from('{}'));
    expect((await failure(openView(source, text))).code).toBe('MANIFEST_INVALID');
  });
});

describe('a platform of an index', () => {
  const choose = async (
    entries: (source: MemorySource) => readonly Partial<Descriptor>[],
    platform?: Platform,
  ): Promise<string> => {
    const source = new MemorySource();
    const index = indexFrom(source, addIndex(source, ...entries(source)));
    const { config } = await (await selectPlatform(index, platform)).manifest();
    const text = (await bytesOf(source.blob(config))).toString();
    return (JSON.parse(text) as { author?: string }).author ?? '';
  };
  const entry = (source: MemorySource, platform: Platform | undefined, author: string): Descriptor => {
    const image = addImage(source, { ...amd, author } as Platform);
    return platform === undefined ? image : { ...image, platform };
  };

  it('is linux/amd64 unless asked, and an entry without a platform counts as that', async () => {
    const both = (source: MemorySource): Descriptor[] => [
      entry(source, arm, 'arm'),
      entry(source, undefined, 'none'),
      entry(source, amd, 'amd'),
    ];
    expect(await choose(both)).toBe('none');
    expect(await choose(both, arm)).toBe('arm');
  });

  it('is the first whose variant and version fit, where they are asked for', async () => {
    const entries = (source: MemorySource): Descriptor[] => [
      entry(source, { ...amd, os: 'windows', 'os.version': '10.0.17763.1' }, 'old'),
      entry(source, { ...amd, os: 'windows', 'os.version': '10.0.20348.9' }, 'new'),
      entry(source, { ...arm, architecture: 'arm', variant: 'v6' }, 'v6'),
      entry(source, { ...arm, architecture: 'arm', variant: 'v7' }, 'v7'),
    ];
    expect(await choose(entries, { os: 'linux', architecture: 'arm' })).toBe('v6');
    expect(await choose(entries, { os: 'linux', architecture: 'arm', variant: 'v7' })).toBe('v7');
    expect(await choose(entries, { ...amd, os: 'windows' })).toBe('old');
    expect(await choose(entries, { ...amd, os: 'windows', 'os.version': '10.0.20348' })).toBe('new');
  });

  it('is not that of an artifact without one, as a signature', async () => {
    const entries = (source: MemorySource): Descriptor[] => [
      { ...entry(source, undefined, 'signature'), artifactType: 'application/vnd.example.signature' },
      { ...entry(source, undefined, 'image'), artifactType: MEDIA_TYPES.ociConfig },
    ];
    expect(await choose(entries)).toBe('image');
  });

  it('is looked for in indexes in the index', async () => {
    const nested = (source: MemorySource): Descriptor[] => [
      addIndex(source, entry(source, amd, 'inner')),
      { ...addIndex(source, entry(source, arm, 'deep')), platform: arm },
    ];
    expect(await choose(nested)).toBe('inner');
    expect(await choose(nested, arm)).toBe('deep');
  });

  it('that is not there is told with those that are', async () => {
    const { code, message } = await failure(
      choose(
        (source) => [
          entry(source, arm, 'a'),
          entry(source, { os: 'unknown', architecture: 'unknown' }, 'attestation'),
        ],
        { os: 'plan9', architecture: '386' },
      ),
    );
    expect(code).toBe('MANIFEST_UNKNOWN');
    expect(message).toContain('has no image for plan9/386: there are linux/arm64, unknown/unknown');
    expect((await failure(choose(() => []))).message).toContain('it has no images');
  });

  it('may be part of one, to filter by', () => {
    expect(parsePlatformFilter('linux')).toEqual({ os: 'linux' });
    expect(parsePlatformFilter('windows:10.0.1')).toEqual({ os: 'windows', 'os.version': '10.0.1' });
    expect(parsePlatformFilter('linux/arm/v7')).toEqual({ os: 'linux', architecture: 'arm', variant: 'v7' });
    expect(() => parsePlatformFilter('')).toThrow('not valid');
  });
});

describe('the source of a view', () => {
  it('has all of it, found in any order, and nothing else', async () => {
    const memory = new MemorySource({ registry: 'r:1', repository: 'app' });
    const images = [addImage(memory, amd), addImage(memory, arm)];
    const other = memory.add('text/plain', Buffer.from('listed beside'));
    const inner = addIndex(memory, ...images);
    const index = addIndex(memory, inner, other);
    const whole = await openView(memory, index);
    for (const descriptor of [inner, ...images]) {
      // Each from a source that has not read anything yet.
      // oxlint-disable-next-line no-await-in-loop
      expect(digestOf(await sourceOf(whole).manifest(descriptor))).toBe(descriptor.digest);
      const image = imageFrom(memory, descriptor);
      // oxlint-disable-next-line no-await-in-loop
      const blobs =
        isManifestType(descriptor.mediaType) && descriptor !== inner ? await image.manifest() : undefined;
      for (const blob of blobs === undefined ? [other] : [blobs.config, ...blobs.layers]) {
        // oxlint-disable-next-line no-await-in-loop
        expect(digestOf(await bytesOf(sourceOf(whole).blob(blob)))).toBe(blob.digest);
      }
    }
    const stranger = { ...other, digest: digestOf('stranger') };
    expect((await failure(sourceOf(whole).manifest(stranger))).code).toBe('MANIFEST_UNKNOWN');
    expect((await failure(sourceOf(whole).blob(stranger))).code).toBe('BLOB_UNKNOWN');
    expect((await sourceOf(whole).resolve(inner.digest))?.digest).toBe(inner.digest);
    expect(await sourceOf(whole).resolve('latest')).toBeUndefined();
  });

  it('says where blobs can be mounted from once their manifest was read, and gives ranges', async () => {
    const origin = { registry: 'r:1', repository: 'app' };
    const memory = new MemorySource(origin);
    const image = imageFrom(memory, addImage(memory, amd));
    const source = sourceOf(image);
    await source.manifest(image.descriptor);
    const { config, layers } = await image.manifest();
    for (const blob of [config, ...layers]) expect(source.originsOf?.(blob)).toEqual([origin]);
    const some = await bytesOf(source.blob(config, { range: { start: 1, end: 4 } }));
    expect(some.toString()).toBe('"os"');
  });
});
