import { describe, expect, it } from 'vitest';
import { emptyImage, emptyIndex } from '../../../image/empty.js';
import { layerFromBytes } from '../../../image/layer.js';
import {
  annotate,
  appendLayers,
  appendToIndex,
  convertTo,
  editConfig,
  filterIndex,
  rebase,
  setMediaTypes,
} from '../../../image/mutate/index.js';
import type { ImageView, View } from '../../../image/views/index.js';
import { MEDIA_TYPES, type Layer } from '../../../oci/index.js';
import { fixture, textOf } from '../helpers.js';

const layer = (name: string): Promise<Layer> => layerFromBytes(fixture(`tar/${name}.tar`));
const base = async (name = 'l1'): Promise<ImageView> => appendLayers(emptyImage(), [await layer(name)]);
const NEW_BASE = '127.0.0.1:5900/c/base:2';

/** Manifest and config, byte for byte. */
async function isAsCrane(view: View, name: string): Promise<void> {
  expect(textOf(await view.raw())).toBe(textOf(fixture(`crane/${name}.manifest.json`)));
  if (view.kind === 'image' && name !== 'pushed-1')
    expect(textOf(await view.config())).toBe(textOf(fixture(`crane/${name}.config.json`)));
}

async function app(): Promise<ImageView> {
  const below = await base();
  return await annotate(await appendLayers(below, [await layer('l2')]), {
    'org.opencontainers.image.base.digest': below.descriptor.digest,
    'org.opencontainers.image.base.name': '127.0.0.1:5900/c/base:1',
  });
}

async function mutated(): Promise<ImageView> {
  const edited = await editConfig(await base(), {
    env: { PORT: '8080', A: 'b' },
    entrypoint: ['/bin/app', 'serve'],
    labels: { k: 'v' },
    user: '65532',
    workingDir: '/',
    exposedPorts: ['80/tcp'],
    platform: { os: 'linux', architecture: 'arm64' },
  });
  return await annotate(edited, { note: 'hi' });
}

describe('the bytes of crane', () => {
  it('append on the empty OCI image', async () => {
    await isAsCrane(await base(), 'base-1');
  });

  it('append of two layers, at once and one by one', async () => {
    const both = [await layer('l1'), await layer('l2')];
    await isAsCrane(await appendLayers(emptyImage(), both), 'two-1');
    await isAsCrane(await appendLayers(await base(), both.slice(1)), 'two-1');
  });

  it('append on the empty Docker image, whose types the layers take', async () => {
    await isAsCrane(await appendLayers(emptyImage('docker'), [await layer('l1')]), 'dbase-1');
  });

  it('append on a base, with base image annotations', async () => {
    await isAsCrane(await app(), 'app-1');
  });

  it('mutate', async () => {
    await isAsCrane(await mutated(), 'mut-1');
  });

  it('rebase, but for the types, which crane makes Docker ones', async () => {
    const rebased = await rebase(await app(), await base(), await base('l2'), { baseName: NEW_BASE });
    expect(rebased.descriptor.mediaType).toBe(MEDIA_TYPES.ociManifest);
    const docker = { manifest: MEDIA_TYPES.dockerManifest, config: MEDIA_TYPES.dockerConfig };
    await isAsCrane(await setMediaTypes(rebased, docker), 'reb-1');
  });

  it('push of a docker archive, which is the OCI image converted', async () => {
    const two = await appendLayers(emptyImage(), [await layer('l1'), await layer('l2')]);
    await isAsCrane(await convertTo(two, 'docker'), 'pushed-1');
    await isAsCrane(await convertTo(await convertTo(two, 'docker'), 'oci'), 'two-1');
  });

  it('index append and index filter', async () => {
    const amd = await editConfig(await base(), { platform: { os: 'linux', architecture: 'amd64' } });
    const index = await appendToIndex(emptyIndex(), [amd, await mutated()]);
    await isAsCrane(index, 'idx-1');
    await isAsCrane(await appendToIndex(emptyIndex(), [index]), 'idx-1');
    await isAsCrane(await filterIndex(index, [{ os: 'linux', architecture: 'arm64' }]), 'idx-arm');
  });
});
