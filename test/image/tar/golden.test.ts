import { describe, expect, it } from 'vitest';
import { decompress, detectCompression } from '../../../image/compression.js';
import { gzip } from '../../../image/gzip/index.js';
import { collect, digestOf, streamOf } from '../../../oci/index.js';
import { entriesOf, fixture, tarOf } from './helpers.js';

const LIMIT = 1 << 20;

describe('tars that Go wrote', () => {
  it.each(['imgpkg-outer.tar', 'imgpkg-multi.tar', 'two.docker.tar', 'two.legacy.tar', 'two.export.tar'])(
    '%s comes out byte for byte when its entries are written again',
    async (name) => {
      const bytes = fixture(name);
      const entries = await entriesOf([bytes]);
      expect(entries.length).toBeGreaterThan(1);
      expect((await tarOf(entries)).equals(bytes)).toBe(true);
    },
  );

  it('layers that imgpkg pushed come out byte for byte: tar and gzip', async () => {
    const blobs = await entriesOf([fixture('everything.oci.tar')]);
    let layers = 0;
    for (const { name, mode, body } of blobs) {
      const packed = Buffer.concat(body);
      if (detectCompression(packed) !== 'gzip' || mode !== 0o600) continue;
      const tar = await collect(decompress(streamOf(packed)), LIMIT, name);
      const again = await tarOf(await entriesOf([tar]));
      expect(Buffer.from(await collect(gzip(streamOf(tar)), LIMIT, name)).equals(packed)).toBe(true);
      // Python wrote this one's tar, and crane packed it.
      if (tar.length === 10_240) continue;
      expect(again.equals(tar)).toBe(true);
      expect(name).toBe(`./blobs/sha256/${digestOf(await collect(gzip([again]), LIMIT, name)).slice(7)}`);
      layers++;
    }
    expect(layers).toBe(5);
  });

  it('a folder with one file has the diff id and the digest that imgpkg gives it', async () => {
    const tar = await tarOf([
      { name: '.', type: 'directory', mode: 0o700 },
      { name: 'a.txt', type: 'file', mode: 0o600, size: 2, body: [Buffer.from('a\n')] },
    ]);
    expect(tar).toHaveLength(2560);
    expect(digestOf(tar)).toBe('sha256:c61cb7ea299e2c44e791d21ba727b4f3403bd39b7e8bbf14792851f47fa26ee7');
    const layer = await collect(gzip([tar]), LIMIT, 'layer');
    expect(layer).toHaveLength(128);
    expect(digestOf(layer)).toBe('sha256:866b93a6424ecb5920b6e24d430b74cf16c1adaabd417b704824cfc872a6a25a');
  });
});

describe('tars of other tools', () => {
  it("reads GNU tar's", async () => {
    const entries = await entriesOf([fixture('inputs.tar')]);
    expect(entries.map(({ name }) => name)).toContain('outer/config/deep/run.sh');
    expect(entries[0]).toMatchObject({
      name: 'plain/',
      type: 'directory',
      mode: 0o755,
      uname: 'root',
      mtime: 0,
    });
    expect(Buffer.concat(entries[1]?.body ?? []).toString()).toBe('a\n');
    for (const { name, body } of await entriesOf([fixture('idx.oci.tar')])) {
      const hex = /blobs\/sha256\/(\w+)$/.exec(name)?.[1];
      if (hex !== undefined) expect(digestOf(Buffer.concat(body))).toBe(`sha256:${hex}`);
    }
  });

  it("reads Python's, and writes them as Python did but for its device fields and padding", async () => {
    for (const name of ['l1.tar', 'l2.tar', 'l3.tar']) {
      const bytes = fixture(name);
      const again = await tarOf(await entriesOf([bytes]));
      expect(await entriesOf([again])).toEqual(await entriesOf([bytes]));
      expect(again.subarray(0, 148).equals(bytes.subarray(0, 148))).toBe(true);
    }
  });
});
