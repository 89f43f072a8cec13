import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLayer, layerFromBytes, layerFromFile } from '../../image/layer.js';
import { MEDIA_TYPES, collect, digestOf, streamOf, type ByteStream } from '../../oci/index.js';
import { noise } from './arbitraries.js';
import { tarOf } from './tar/helpers.js';

const LIMIT = 1 << 24;
const bytesOf = async (stream: Promise<ByteStream>): Promise<Buffer> =>
  Buffer.from(await collect(await stream, LIMIT, 'layer'));

describe('a layer', () => {
  let folder = '';
  let tar: Buffer = Buffer.alloc(0);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocilot-layer-'));
    tar = await tarOf([{ name: 'f', type: 'file', size: 300_000, body: [noise(300_000, 3)] }]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('of a plain tar is packed with gzip, to the same bytes each time it is opened', async () => {
    const layer = await layerFromBytes(tar);
    const first = await bytesOf(layer.open());
    expect(layer.descriptor).toEqual({
      mediaType: MEDIA_TYPES.ociLayerGzip,
      digest: digestOf(first),
      size: first.length,
    });
    expect((await bytesOf(layer.open())).equals(first)).toBe(true);
    expect((await bytesOf(layer.uncompressed())).equals(tar)).toBe(true);
    expect(await layer.diffId()).toBe(digestOf(tar));
    const range = { start: 100_000, end: 100_009 };
    expect((await bytesOf(layer.open({ range }))).equals(first.subarray(100_000, 100_010))).toBe(true);
  });

  it('of packed content is kept byte for byte, from a file too', async () => {
    const packed = gzipSync(tar);
    const path = join(folder, 'layer.tar.gz');
    await writeFile(path, packed);
    const layer = await layerFromFile(path, { family: 'docker' });
    expect(layer.descriptor).toEqual({
      mediaType: MEDIA_TYPES.dockerLayer,
      digest: digestOf(packed),
      size: packed.length,
    });
    expect((await bytesOf(layer.open())).equals(packed)).toBe(true);
    expect(await layer.diffId()).toBe(digestOf(tar));
  });

  it('stays a plain tar where asked', async () => {
    const layer = await layerFromBytes(tar, { compression: 'none', family: 'docker' });
    expect(layer.descriptor).toEqual({
      mediaType: MEDIA_TYPES.dockerLayerPlain,
      digest: digestOf(tar),
      size: tar.length,
    });
    expect(await layer.diffId()).toBe(digestOf(tar));
  });

  it('computes its diff id once, and tries again after a failure', async () => {
    const packed = gzipSync(tar);
    let opened = 0;
    let whole = true;
    const layer = await createLayer(() => {
      opened++;
      return streamOf(whole ? packed : packed.subarray(0, 100));
    });
    opened = 0;
    whole = false;
    await expect(layer.diffId({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    await expect(layer.diffId()).rejects.toThrow('is damaged');
    whole = true;
    expect([await layer.diffId(), await layer.diffId()]).toEqual([digestOf(tar), digestOf(tar)]);
    expect(opened).toBe(2);
  });
});
