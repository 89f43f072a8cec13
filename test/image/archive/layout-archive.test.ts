import { createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createGzip } from 'node:zlib';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { createLayoutArchive, openArchive, openLayoutArchive } from '../../../image/archive/index.js';
import { copy } from '../../../image/copy/index.js';
import { memoryStore } from '../../../image/memory.js';
import { openBlob, readManifest } from '../../../image/read.js';
import { zstd } from '../../../image/zstd/index.js';
import type { Sink } from '../../../image/media.js';
import {
  MEDIA_TYPES,
  collect,
  digestOf,
  hexOf,
  parseManifest,
  streamOf,
  type Descriptor,
} from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { all, blobFrom, failure, putArtifact, putImage, putIndex } from '../content.js';
import { entriesOf, fixture, tarOf } from '../tar/helpers.js';
import { archived } from './helpers.js';

const ARM = { os: 'linux', architecture: 'arm64' };
const AMD = { os: 'linux', architecture: 'amd64' };

async function fillSample(
  sink: Sink,
): Promise<{ image: Descriptor; index: Descriptor; artifact: Descriptor }> {
  const image = await putImage(sink, { seed: 'a', tags: ['r.example/a:1'] });
  const arm = await putImage(sink, { seed: 'b', platform: ARM });
  const index = await putIndex(
    sink,
    [
      { ...image, platform: AMD },
      { ...arm, platform: ARM },
    ],
    { tags: ['both'] },
  );
  return { image, index, artifact: await putArtifact(sink, { subject: image }) };
}

describe('a layout archive that was written here', () => {
  it('has fixed headers and a fixed order: oci-layout first, index.json, manifest.json and the seal last', async () => {
    const bytes = await archived({ dockerManifest: true, seal: true }, fillSample);
    const entries = await entriesOf([bytes]);
    const names = entries.map(({ name }) => name);
    expect(names[0]).toBe('oci-layout');
    expect(names.slice(-3)).toEqual(['index.json', 'manifest.json', 'ocilot-seal.json']);
    expect(names.slice(1, -3).every((name) => /^blobs\/sha256\/[0-9a-f]{64}$/.test(name))).toBe(true);
    expect(new Set(names).size).toBe(names.length);
    for (const { mode, uid, gid, mtime } of entries)
      expect([mode, uid, gid, mtime]).toEqual([0o644, 0, 0, 0]);
    expect(await archived({ dockerManifest: true, seal: true }, fillSample)).toEqual(bytes);
    const seal = JSON.parse(Buffer.concat(entries.at(-1)?.body ?? []).toString()) as {
      sha256: string;
      size: number;
    };
    expect(digestOf(bytes.subarray(0, seal.size))).toBe(`sha256:${seal.sha256}`);
    const dated = await entriesOf([await archived({ mtime: 1_700_000_000 }, fillSample)]);
    expect(dated.every(({ mtime }) => mtime === 1_700_000_000)).toBe(true);
    expect((await failure(createLayoutArchive('-', { mtime: -1 }))).code).toBe('INVALID_OPTION');
  });

  it('gives back what was put: roots, manifests, blobs, ranges, referrers', async () => {
    let put: Awaited<ReturnType<typeof fillSample>> | undefined;
    const bytes = await archived({}, async (sink) => {
      put = await fillSample(sink);
    });
    if (put === undefined) throw new Error('nothing was put');
    const source = await openLayoutArchive(bytes);
    expect((await all(source.roots())).map(({ tag, descriptor }) => [tag, descriptor.digest])).toEqual([
      ['r.example/a:1', put.image.digest],
      ['both', put.index.digest],
      [undefined, put.artifact.digest],
    ]);
    expect((await source.resolve('1'))?.digest).toBe(put.image.digest);
    expect((await all(source.referrers(put.image.digest))).map(({ digest }) => digest)).toEqual([
      put.artifact.digest,
    ]);
    const manifest = parseManifest(await readManifest(source, put.image));
    const layer = manifest.kind === 'image' ? manifest.layers[0] : undefined;
    if (layer === undefined) throw new Error('no layer');
    const whole = await collect(await openBlob(source, layer), 1 << 20, 'layer');
    const range = { start: 1, end: 4 };
    expect(await collect(await source.blob(layer, { range }), 99, 'range')).toEqual(whole.subarray(1, 5));
    await source.close();
  });

  it('lists for Docker each image once, the platform of an index, and no artifact', async () => {
    const bytes = await archived(
      { dockerManifest: true, repository: 'r.example/x', platform: ARM },
      async (sink) => {
        const { image } = await fillSample(sink);
        const manifest = await collect(streamOf(Buffer.from(await rawOf('a'))), 1 << 20, 'manifest');
        await sink.putManifest(image, manifest, { tags: ['v2', 'short:1'] });
      },
    );
    const entries = await entriesOf([bytes]);
    const json = entries.find(({ name }) => name === 'manifest.json');
    const list = JSON.parse(Buffer.concat(json?.body ?? []).toString()) as {
      RepoTags: string[];
      Config: string;
      Layers: string[];
    }[];
    expect(list.map(({ RepoTags }) => RepoTags)).toEqual([
      ['r.example/a:1', 'r.example/x:v2', 'short:1'],
      ['r.example/x:both'],
    ]);
    const names = entries.map(({ name }) => name);
    for (const { Config, Layers } of list)
      for (const name of [Config, ...Layers]) expect(names).toContain(name);
  });

  it('takes its name at the end, in place of what had it, and goes when it is given up', async () => {
    const folder = await tempFolder();
    const path = join(folder, 'a.tar');
    await writeFile(path, 'old');
    const sink = await createLayoutArchive(path);
    await fillSample(sink);
    expect(await readFile(path, 'utf8')).toBe('old');
    await sink.abandon?.();
    expect(await readdir(folder)).toEqual(['a.tar']);
    await symlink('a.tar', join(folder, 'link.tar'));
    const second = await createLayoutArchive(join(folder, 'link.tar'));
    await fillSample(second);
    await second.finish?.();
    await second.abandon?.();
    expect((await readdir(folder)).toSorted()).toEqual(['a.tar', 'link.tar']);
    expect(await readFile(path)).toEqual(await archived({}, fillSample));
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  it('is broken by a blob that is not what it says, and takes nothing more', async () => {
    const folder = await tempFolder();
    const sink = await createLayoutArchive(join(folder, 'a.tar'));
    const { descriptor } = blobFrom('text/plain', Buffer.from('right'));
    const lie = { descriptor, open: async () => streamOf(Buffer.from('wrong')) };
    expect((await failure(sink.putBlob(lie))).code).toBe('DIGEST_MISMATCH');
    expect((await failure(fillSample(sink))).message).toContain('is cut');
    expect((await failure(Promise.resolve(sink.finish?.()))).code).toBe('INVALID_OPTION');
    await sink.abandon?.();
    expect(await readdir(folder)).toEqual([]);
  });

  it('ends with an error of the stream that it is written to', async () => {
    const stream = new Writable({ write: (_, __, done) => done(new Error('pipe is gone')) });
    const write = async (): Promise<void> => {
      const sink = await createLayoutArchive(stream);
      await fillSample(sink);
      await sink.finish?.();
    };
    await expect(write()).rejects.toThrow('pipe is gone');
  });

  it('takes blobs that come at once one after the other, each once', async () => {
    const bytes = await archived({}, async (sink) => {
      const blobs = Array.from({ length: 20 }, (_, at) =>
        blobFrom('text/plain', Buffer.alloc(100_000, `${at % 10}`)),
      );
      const done = await Promise.all(blobs.map((blob) => sink.putBlob(blob)));
      expect(done.filter((how) => how === 'present')).toHaveLength(10);
    });
    expect(await entriesOf([bytes])).toHaveLength(12);
  });
});

async function rawOf(seed: string): Promise<Uint8Array> {
  const store = memoryStore();
  return await store.manifest(await putImage(store, { seed }));
}

describe('layout archives of other tools', () => {
  it('are read: GNU tar, names with ./, full names', async () => {
    const source = await openLayoutArchive(fixture('idx.oci.tar'));
    expect(await all(source.tags())).toEqual(['127.0.0.1:5900/c/idx:1']);
    const index = await source.resolve('1');
    expect(index?.digest).toBe('sha256:16c94e731e0ac19a92ac14be0a60e01d4a69a00f3fd156c224e2566b4ad318a8');
    const store = memoryStore();
    if (index === undefined) throw new Error('not found');
    expect((await copy(source, store, [{ descriptor: index, tags: ['1'] }])).manifests.put).toBe(3);
  });

  it('are read packed by gzip or zstd, from a file, a stream and a pipe', async () => {
    const folder = await tempFolder();
    const plain = fixture('idx.oci.tar');
    await pipeline(Readable.from([plain]), createGzip(), createWriteStream(join(folder, 'a.tgz')));
    await writeFile(join(folder, 'a.tar.zst'), await collect(zstd(streamOf(plain)), 1 << 20, 'zstd'));
    await writeFile(join(folder, 'a.tar'), plain);
    const inputs = [
      join(folder, 'a.tgz'),
      join(folder, 'a.tar.zst'),
      join(folder, 'a.tar'),
      streamOf(plain),
      plain,
    ];
    for (const input of inputs) {
      const source = await openArchive(input);
      expect((await source.resolve('1'))?.mediaType).toBe(MEDIA_TYPES.ociIndex);
      await source.close();
    }
    expect((await failure(openArchive(join(folder, 'none.tar')))).code).toBe('INVALID_OPTION');
    expect((await failure(openArchive(folder))).code).toBe('INVALID_OPTION');
    await writeFile(join(folder, 'half.tgz'), (await readFile(join(folder, 'a.tgz'))).subarray(0, 500));
    expect((await failure(openArchive(join(folder, 'half.tgz')))).code).toBe('CONTENT_INVALID');
  });
});

describe('hostile layout archives', () => {
  const body = Buffer.from('{"schemaVersion":2,"manifests":[]}');
  const file = (name: string, bytes: Uint8Array = body) =>
    ({ name, type: 'file', mode: 0o644, size: bytes.length, body: [bytes] }) as const;
  const evil = blobFrom('text/plain', Buffer.from('content'));
  const path = `blobs/sha256/${hexOf(evil.descriptor.digest)}`;

  it.each([
    ['a name with ..', [file('index.json'), file('blobs/../../../etc/passwd')]],
    ['an absolute name', [file('index.json'), file('/etc/passwd')]],
    ['two files of one name', [file('index.json'), file('./index.json')]],
    ['a folder with ..', [file('index.json'), { name: '../', type: 'directory' }]],
    [
      'a file and a link of one name',
      [file('index.json'), { name: 'index.json', type: 'symlink', linkname: 'x' }],
    ],
  ] as const)('are refused: %s', async (_, entries) => {
    expect((await failure(openLayoutArchive(await tarOf(entries)))).code).toBe('CONTENT_INVALID');
  });

  it.each([
    ['a symbolic link out of it', { name: path, type: 'symlink', linkname: '/etc/passwd' }],
    ['a symbolic link inside', { name: path, type: 'symlink', linkname: '../../index.json' }],
    ['a hard link', { name: path, type: 'link', linkname: 'index.json' }],
  ] as const)('give nothing for a blob that is %s', async (_, entry) => {
    const source = await openLayoutArchive(await tarOf([file('index.json'), entry]));
    expect((await failure(source.blob(evil.descriptor))).code).toBe('CONTENT_INVALID');
  });

  it('are refused: a size beyond the end, and one that is cut', async () => {
    const whole = await tarOf([file('index.json'), file(path, Buffer.alloc(2000))]);
    expect((await failure(openLayoutArchive(whole.subarray(0, 2048)))).message).toContain(
      'ends in the middle',
    );
    const source = await openLayoutArchive(
      await tarOf([file('index.json'), file(path, Buffer.from('conten'))]),
    );
    expect((await failure(source.blob(evil.descriptor))).code).toBe('DIGEST_MISMATCH');
  });

  it('are found out when they are read: bytes that are not those of the digest', async () => {
    const source = await openLayoutArchive(
      await tarOf([file('index.json'), file(path, Buffer.from('CONTENT'))]),
    );
    const read = async () => await collect(await openBlob(source, evil.descriptor), 99, 'blob');
    expect((await failure(read())).code).toBe('DIGEST_MISMATCH');
  });

  it('leave no temporary file behind, wherever they fail', async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, 'tmp'));
    const before = process.env.TMPDIR;
    process.env.TMPDIR = join(folder, 'tmp');
    try {
      const broken = async function* (): AsyncGenerator<Uint8Array> {
        yield fixture('idx.oci.tar').subarray(0, 3000);
        throw new Error('cut');
      };
      await expect(openArchive(broken())).rejects.toThrow('cut');
      await failure(openArchive(streamOf(Buffer.from('no tar at all'))));
      const source = await openArchive(streamOf(fixture('idx.oci.tar')));
      await source.close();
      expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });
});
