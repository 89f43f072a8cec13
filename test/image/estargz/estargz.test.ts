import * as fc from 'fast-check';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createLayer, layerFromBytes } from '../../../image/layer.js';
import {
  FOOTER_SIZE,
  TOC_DIGEST,
  TOC_NAME,
  parseFooter,
  type TocEntry,
} from '../../../image/estargz/index.js';
import { layerFromStream } from '../../../image/files/stream-layer.js';
import { GzipEncoder, gzip } from '../../../image/gzip/index.js';
import { readTar, type TarEntry } from '../../../image/tar/index.js';
import { collect, digestOf, streamOf, type Layer } from '../../../oci/index.js';
import { bytes as anyBytes, noise } from '../arbitraries.js';
import { bytesOf } from '../helpers.js';
import { tarOf } from '../tar/helpers.js';

const file = (name: string, body: Buffer, more: Partial<TarEntry> = {}): TarEntry => ({
  name,
  type: 'file',
  mode: 0o644,
  size: body.length,
  body: [body],
  ...more,
});

/** Reads as a snapshotter does: the footer, then the list, then only what is wanted. */
class Reader {
  readonly #layer: Layer;
  entries: readonly TocEntry[] = [];
  toc: Buffer = Buffer.alloc(0);
  #end = 0;

  constructor(layer: Layer) {
    this.#layer = layer;
  }

  async open(): Promise<this> {
    const { size } = this.#layer.descriptor;
    this.#end = parseFooter(await this.#range(size - FOOTER_SIZE, size)) ?? -1;
    const tar = gunzipSync(await this.#range(this.#end, size - FOOTER_SIZE));
    for await (const { header, body } of readTar(streamOf(tar))) {
      expect(header.name).toBe(TOC_NAME);
      this.toc = Buffer.from(await collect(body, 1 << 24, 'list'));
    }
    this.entries = (JSON.parse(this.toc.toString()) as { entries: TocEntry[] }).entries;
    return this;
  }

  async content(name: string): Promise<Buffer> {
    const offsets = this.entries.flatMap(({ offset }) => (offset === undefined ? [] : [offset]));
    const parts: Buffer[] = [];
    const size = this.entries.find((entry) => entry.name === name)?.size ?? 0;
    for (const entry of this.entries.filter((one) => one.name === name && one.offset !== undefined)) {
      const start = entry.offset ?? 0;
      const end = offsets.find((offset) => offset > start) ?? this.#end;
      const length = entry.chunkSize ?? size - (entry.chunkOffset ?? 0);
      // oxlint-disable-next-line no-await-in-loop
      const chunk = gunzipSync(await this.#range(start, end)).subarray(0, length);
      expect(entry.chunkDigest).toBe(digestOf(chunk));
      parts.push(chunk);
    }
    return Buffer.concat(parts);
  }

  async #range(start: number, end: number): Promise<Buffer> {
    return await bytesOf(this.#layer.open({ range: { start, end: end - 1 } }));
  }
}

describe('an eStargz layer', () => {
  const big = noise(9_000_000, 5);
  const entries: TarEntry[] = [
    { name: 'dir/', type: 'directory', mode: 0o755, uid: 7, mtime: 1_700_000_000 },
    file('dir/small', Buffer.from('small'), { uname: 'me', pax: { 'SCHILY.xattr.user.x': '\u0000\u00ff' } }),
    file('empty', Buffer.alloc(0)),
    file('big', big),
    { name: 'ln', type: 'symlink', linkname: 'big', mode: 0o777 },
    { name: 'hard', type: 'link', linkname: 'big' },
    { name: 'null', type: 'character', major: 1, minor: 3 },
    file(TOC_NAME, Buffer.from('of another time')),
    file('last', Buffer.from('last')),
  ];

  it('gives single files by range: footer, list, content', async () => {
    const layer = await layerFromBytes(await tarOf(entries), { compression: 'estargz' });
    const reader = await new Reader(layer).open();
    expect(layer.descriptor.annotations).toEqual({ [TOC_DIGEST]: digestOf(reader.toc) });
    expect((await reader.content('big')).equals(big)).toBe(true);
    expect((await reader.content('dir/small')).toString()).toBe('small');
    expect((await reader.content('last')).toString()).toBe('last');
    expect(reader.entries.map(({ name, type }) => `${type} ${name}`)).toEqual([
      'dir dir/',
      'reg dir/small',
      'reg empty',
      'reg big',
      'chunk big',
      'chunk big',
      'symlink ln',
      'hardlink hard',
      'char null',
      'reg last',
    ]);
    const [dir, small, , large, , , link, , device] = reader.entries;
    expect(dir).toEqual({
      name: 'dir/',
      type: 'dir',
      mode: 0o755,
      uid: 7,
      gid: 0,
      modtime: '2023-11-14T22:13:20Z',
    });
    expect(small).toMatchObject({
      userName: 'me',
      xattrs: { 'user.x': 'AP8=' },
      digest: digestOf(Buffer.from('small')),
    });
    expect(large).toMatchObject({ size: 9_000_000, chunkSize: 4 << 20, digest: digestOf(big) });
    expect(link).toMatchObject({ linkName: 'big' });
    expect(device).toMatchObject({ devMajor: 1, devMinor: 3 });
  });

  it('is gzip of a tar to all others, the same each time, from a stream too', async () => {
    const tar = await tarOf(entries);
    const layer = await createLayer(() => streamOf(tar), { compression: 'estargz' });
    const stored = await bytesOf(layer.open());
    expect(digestOf(stored)).toBe(layer.descriptor.digest);
    const unpacked = await bytesOf(layer.uncompressed());
    expect(await layer.diffId()).toBe(digestOf(unpacked));
    const names: string[] = [];
    for await (const { header } of readTar(streamOf(unpacked), { unique: true })) names.push(header.name);
    expect(names).toEqual(['dir/', 'dir/small', 'empty', 'big', 'ln', 'hard', 'null', 'last', TOC_NAME]);
    const spooled = await layerFromStream(streamOf(tar), { compression: 'estargz', family: 'docker' });
    expect(spooled.descriptor).toMatchObject({
      digest: layer.descriptor.digest,
      annotations: layer.descriptor.annotations,
    });
    expect(await spooled.diffId()).toBe(await layer.diffId());
    await spooled.close();
  });

  it('of nothing has an empty list', async () => {
    const layer = await layerFromBytes(await tarOf([]), { compression: 'estargz' });
    const reader = await new Reader(layer).open();
    expect(reader.entries).toEqual([]);
  });

  it('has a footer that nothing else is', () => {
    expect(parseFooter(Buffer.alloc(FOOTER_SIZE))).toBeUndefined();
    expect(parseFooter(Buffer.from('short'))).toBeUndefined();
  });
});

describe('a gzip encoder that was used before', () => {
  it('gives what a new one does', async () => {
    const encoder = new GzipEncoder();
    await fc.assert(
      fc.asyncProperty(fc.array(anyBytes(6), { minLength: 2, maxLength: 4 }), async (streams) => {
        for (const stream of streams) {
          const again = Buffer.concat([...encoder.push(stream), ...encoder.end()]);
          encoder.restart();
          // The first stream began with its header in an encoder that was made; all others by `restart`.
          // oxlint-disable-next-line no-await-in-loop
          expect(again.equals(await bytesOf(gzip([stream])))).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
});
