import { describe, expect, it } from 'vitest';
import { layerFromBytes } from '../../../image/layer.js';
import { appendLayers, appendToIndex } from '../../../image/mutate/index.js';
import { emptyImage, emptyIndex } from '../../../image/empty.js';
import { compress } from '../../../image/compression.js';
import { randomImage, randomIndex } from '../../../image/random.js';
import { validate, type Problem } from '../../../image/validate/index.js';
import { openView, sourceOf, type View } from '../../../image/views/index.js';
import {
  MEDIA_TYPES,
  OciError,
  childrenOf,
  digestOf,
  encodeJson,
  isManifestType,
  streamOf,
  type Descriptor,
} from '../../../oci/index.js';
import { MemorySource, bytesOf, failure } from '../helpers.js';
import { tarOf } from '../tar/helpers.js';

/** All of a view in a source that can be spoilt. */
async function stored(view: View): Promise<MemorySource> {
  const memory = new MemorySource();
  const source = sourceOf(view);
  const visit = async (descriptor: Descriptor): Promise<void> => {
    const isManifest = isManifestType(descriptor.mediaType);
    const bytes = isManifest ? await source.manifest(descriptor) : await bytesOf(source.blob(descriptor));
    memory.add(descriptor.mediaType, bytes);
    const child = isManifest ? await openView(source, descriptor) : undefined;
    for (const below of child === undefined ? [] : childrenOf(await child.manifest())) {
      // oxlint-disable-next-line no-await-in-loop
      await visit(below);
    }
  };
  await visit(view.descriptor);
  return memory;
}

const messages = (problems: readonly Problem[]): string =>
  problems.map(({ at, message }) => `${at.split(' ')[0]}: ${message}`).join('\n');

const tar = tarOf([{ name: 'f', type: 'file' }]);

describe('an image that is whole', () => {
  it.each(['gzip', 'none', 'estargz'] as const)(
    'has no problems, its layers packed by %s',
    async (compression) => {
      const image = await randomImage({ seed: 1, layers: 2, size: 100_000, compression });
      expect(await validate(image)).toEqual([]);
      expect(await validate(await openView(await stored(image), image.descriptor))).toEqual([]);
    },
  );

  it('has none with zstd layers, with layers of anything, and as an index', async () => {
    const packed = await bytesOf(compress(streamOf(await tar), 'zstd'));
    expect(await validate(await appendLayers(emptyImage(), [await layerFromBytes(packed)]))).toEqual([]);
    const text = await layerFromBytes(Buffer.from('text'), { compression: 'none' });
    expect(
      await validate(await appendLayers(emptyImage(), [{ layer: text, mediaType: 'text/plain' }])),
    ).toEqual([]);
    expect(await validate(await randomIndex({ seed: 2 }))).toEqual([]);
    expect(await validate(await randomIndex({ seed: 2 }), { fast: true })).toEqual([]);
  });
});

describe('what is wrong with an image', () => {
  it('is all told: other bytes, missing blobs', async () => {
    const image = await randomImage({ seed: 3, layers: 3 });
    const memory = await stored(image);
    const { config, layers } = await image.manifest();
    const [first, second] = layers as [Descriptor, Descriptor];
    memory.spoil(first, Buffer.alloc(first.size, 1));
    memory.remove(second);
    const found = await validate(await openView(memory, image.descriptor));
    expect(found.map(({ at }) => at)).toEqual([`layer ${first.digest}`, `layer ${second.digest}`]);
    memory.spoil(config, Buffer.alloc(config.size));
    expect(messages(await validate(await openView(memory, image.descriptor)))).toContain('config: ');
    memory.remove(image.descriptor);
    expect(messages(await validate(await openView(memory, image.descriptor)))).toContain('image: ');
  });

  it('is only what is missing when it is to be fast', async () => {
    const image = await randomImage({ seed: 3, layers: 2 });
    const memory = await stored(image);
    const [first, second] = (await image.manifest()).layers as [Descriptor, Descriptor];
    memory.spoil(first, Buffer.alloc(first.size, 1));
    memory.remove(second);
    const found = await validate(await openView(memory, image.descriptor), { fast: true });
    expect(found.map(({ at }) => at)).toEqual([`layer ${second.digest}`]);
  });

  it('is not that a layer is missing which may not be distributed', async () => {
    const layer = await layerFromBytes(await tar);
    const mediaType = MEDIA_TYPES.ociLayerNonDistributableGzip;
    const image = await appendLayers(emptyImage(), [{ layer, mediaType }]);
    const memory = await stored(image);
    memory.remove(layer.descriptor);
    expect(await validate(await openView(memory, image.descriptor))).toEqual([]);
    expect(await validate(await openView(memory, image.descriptor), { fast: true })).toEqual([]);
  });

  it('is told of configs and layers that do not fit each other', async () => {
    const memory = new MemorySource();
    const twice = await tarOf([
      { name: 'f', type: 'file' },
      { name: 'f', type: 'file' },
    ]);
    const add = (diffIds: readonly string[], type: string, mediaType: string): Descriptor =>
      memory.add(MEDIA_TYPES.ociManifest, {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociManifest,
        config: memory.add(MEDIA_TYPES.ociConfig, { rootfs: { type, diff_ids: diffIds } }),
        layers: [memory.add(mediaType, twice)],
      });
    const problems = async (descriptor: Descriptor): Promise<string> =>
      messages(await validate(await openView(memory, descriptor)));
    expect(await problems(add([], 'other', MEDIA_TYPES.ociLayer))).toBe(
      'config: its rootfs is not of the type "layers"\nconfig: it tells of 0 layers, but there are 1\nlayer: it has "f" twice',
    );
    expect(await problems(add([digestOf('x')], 'layers', MEDIA_TYPES.ociLayerGzip))).toBe(
      `layer: its type "${MEDIA_TYPES.ociLayerGzip}" says gzip, but it is none\nlayer: it has "f" twice\n` +
        `layer: it unpacks to ${digestOf(twice)}, but the config says ${digestOf('x')}`,
    );
  });

  it('is told of entries that say other things than what they point to', async () => {
    const image = await randomImage({ platform: { os: 'linux', architecture: 'arm64' } });
    const wrong = await appendToIndex(emptyIndex(), [
      { view: image, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    expect(messages(await validate(wrong))).toBe(
      'entry: its platform is linux/amd64, but its config says linux/arm64',
    );
    const memory = await stored(image);
    const index = memory.add(MEDIA_TYPES.ociIndex, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [{ ...image.descriptor, mediaType: MEDIA_TYPES.dockerManifest }],
    });
    expect(messages(await validate(await openView(memory, index)))).toContain('manifest says mediaType');
  });

  it('is not that the place cannot be read', async () => {
    const image = await randomImage();
    const memory = await stored(image);
    const source = {
      name: 'down',
      resolve: () => memory.resolve(),
      manifest: (descriptor: Descriptor) => memory.manifest(descriptor),
      blob: async () => {
        throw new OciError('NETWORK', 'down');
      },
    };
    expect((await failure(validate(await openView(source, image.descriptor)))).code).toBe('NETWORK');
  });
});

describe('a random image', () => {
  it('is the same for the same seed, for good, and another for another', async () => {
    const [one, again, other] = await Promise.all(
      [7, 7, 8].map((seed) => randomImage({ seed, layers: 2, size: 5000 })),
    );
    expect(one?.descriptor.digest).toBe(
      'sha256:f887d6dfd35af7316b6f8ea4f4b810397ab3d097977124a28fc31b9cf7703a18',
    );
    expect(again?.descriptor).toEqual(one?.descriptor);
    expect(other?.descriptor.digest).not.toBe(one?.descriptor.digest);
    expect((await one?.layers())?.every(({ descriptor }) => descriptor.size > 5000)).toBe(true);
    expect(encodeJson(await (await randomIndex({ seed: 7 })).manifest()).length).toBeGreaterThan(100);
  });

  it('cannot have fewer than no layers', async () => {
    expect((await failure(randomImage({ layers: -1 }))).code).toBe('INVALID_OPTION');
  });
});
