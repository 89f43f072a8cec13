import { afterEach, describe, expect, it, vi } from 'vitest';
import { emptyImage, emptyIndex } from '../../../image/empty.js';
import { exportTar } from '../../../image/files/index.js';
import {
  annotate,
  appendToIndex,
  canonical,
  convertTo,
  editConfig,
  flatten,
  setTimes,
} from '../../../image/mutate/index.js';
import { randomImage } from '../../../image/random.js';
import { readTar } from '../../../image/tar/index.js';
import { validate } from '../../../image/validate/index.js';
import type { ImageView } from '../../../image/views/index.js';
import { MEDIA_TYPES } from '../../../oci/index.js';
import { entry, imageOf } from '../files/helpers.js';
import { bytesOf, failure, textOf } from '../helpers.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

const configOf = async (image: ImageView): Promise<Record<string, unknown>> =>
  JSON.parse(textOf(await image.config())) as Record<string, unknown>;
const created = new Date('2024-01-01T00:00:00Z');

describe('a flattened image', () => {
  it('has the files in one layer, and everything else as it was', async () => {
    const image = await annotate(
      await editConfig(await convertTo(await imageOf(['a=1', 'b=>a'], ['.wh.a', 'c=2']), 'docker'), {
        user: 'me',
      }),
      { kept: 'yes' },
    );
    const flat = await flatten(image, { created });
    const [layer, ...others] = await flat.layers();
    expect(others).toEqual([]);
    expect(layer?.descriptor.mediaType).toBe(MEDIA_TYPES.dockerLayer);
    expect(layer && (await bytesOf(layer.uncompressed())).equals(await bytesOf(exportTar(image)))).toBe(true);
    expect(await validate(flat)).toEqual([]);
    expect((await flat.manifest()).annotations).toEqual({ kept: 'yes' });
    const config = await configOf(flat);
    expect(config).toMatchObject({
      created: '2024-01-01T00:00:00Z',
      config: { User: 'me' },
      history: [{ created: '2024-01-01T00:00:00Z', created_by: `ocilot flatten ${image.descriptor.digest}` }],
    });
    const [{ comment = '' } = {}] = config.history as { comment?: string }[];
    expect(JSON.parse(comment)).toHaveLength(2);
    expect((await flatten(image, { created })).descriptor).toEqual(flat.descriptor);
    await layer?.close?.();
  });

  it('has the time of SOURCE_DATE_EPOCH', async () => {
    vi.stubEnv('SOURCE_DATE_EPOCH', '86400');
    expect((await configOf(await flatten(emptyImage()))).created).toBe('1970-01-02T00:00:00Z');
  });

  it('in an index stands in its place; attestations go', async () => {
    const images = await Promise.all([1, 2].map((seed) => randomImage({ seed, layers: 2 })));
    const unknown = { os: 'unknown', architecture: 'unknown' };
    const [first, second] = images;
    const index = await appendToIndex(
      emptyIndex(),
      [
        { view: first ?? emptyImage(), platform: { os: 'linux', architecture: 'arm64' } },
        { view: second ?? emptyImage(), platform: unknown },
        await appendToIndex(emptyIndex(), images),
      ],
      { flatten: false },
    );
    const flat = await flatten(index, { created });
    const { manifests } = await flat.manifest();
    expect(manifests.map(({ mediaType, platform }) => [mediaType, platform])).toEqual([
      [MEDIA_TYPES.ociManifest, { os: 'linux', architecture: 'arm64' }],
      [MEDIA_TYPES.ociIndex, undefined],
    ]);
    expect(await validate(flat)).toEqual([]);
  });

  it('cannot be made of an artifact', async () => {
    const image = await imageOf(['a=1']);
    const manifest = await image.manifest();
    const artifact: ImageView = {
      ...image,
      manifest: async () => ({ ...manifest, config: { ...manifest.config, mediaType: 'text/plain' } }),
    };
    expect((await failure(flatten(artifact))).code).toBe('UNSUPPORTED');
  });
});

describe('an image at one time', () => {
  it('has it in config, history and files', async () => {
    const image = await imageOf([{ ...entry('a=1'), mtime: 5 }, 'b/'], ['c=2']);
    const timed = await setTimes(image, created);
    expect(await validate(timed)).toEqual([]);
    expect(await configOf(timed)).toMatchObject({
      created: '2024-01-01T00:00:00Z',
      history: [{ created: '2024-01-01T00:00:00Z' }, { created: '2024-01-01T00:00:00Z' }],
    });
    for await (const { header } of readTar(exportTar(timed)))
      expect(header.mtime).toBe(created.getTime() / 1000);
  });

  it('canonical has no traces of where it was made', async () => {
    const make = async (mtime: number): Promise<ImageView> =>
      canonical(
        await editConfig(await imageOf([{ ...entry('a=1'), mtime }]), { created: new Date(mtime * 1000) }),
      );
    const [one, other] = [await make(1_000), await make(2_000_000)];
    expect(one.descriptor).toEqual(other.descriptor);
    expect((await configOf(one)).created).toBe('1970-01-01T00:00:00Z');
  });
});
