import { execFileSync } from 'node:child_process';
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { layerFromFolder } from '../../../image/files/folder.js';
import { retimedLayer, windowsLayer } from '../../../image/files/rewrite.js';
import { layerFromStream } from '../../../image/files/stream-layer.js';
import { layerFromBytes } from '../../../image/layer.js';
import { readTar, type TarHeader } from '../../../image/tar/index.js';
import { MEDIA_TYPES, digestOf, streamOf, type Layer } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { noise } from '../arbitraries.js';
import { bytesOf, failure } from '../helpers.js';
import { entriesOf, tarOf } from '../tar/helpers.js';

async function headersOf(layer: Layer): Promise<TarHeader[]> {
  const headers: TarHeader[] = [];
  for await (const { header } of readTar(await layer.uncompressed())) headers.push(header);
  return headers;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The same files, made in another order, at another time, by another umask. */
async function makeTree(names: readonly string[]): Promise<string> {
  const folder = await tempFolder();
  await mkdir(join(folder, 'dir'));
  for (const name of names) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop
    await writeFile(path, name === 'big' ? noise(3_000_000, 9) : name);
    // oxlint-disable-next-line no-await-in-loop
    await chmod(path, name === 'dir/tool' ? 0o4755 : 0o640);
    // oxlint-disable-next-line no-await-in-loop
    await utimes(path, Math.random() * 1e9, Math.random() * 1e9);
  }
  await link(join(folder, 'big'), join(folder, 'dir', 'same'));
  await symlink('../big', join(folder, 'dir', 'ln'));
  await chmod(join(folder, 'dir'), 0o750);
  return folder;
}

describe('a layer of a folder', () => {
  const names = ['big', 'dir/tool', 'Z', 'a', 'ä'];

  it('is the same wherever, whenever and by whom the folder was made', async () => {
    const [first, second] = await Promise.all([makeTree(names), makeTree(names.toReversed())]);
    const layers = await Promise.all([first, first, second].map((folder) => layerFromFolder(folder)));
    expect(new Set(layers.map(({ descriptor }) => descriptor.digest)).size).toBe(1);
    expect(digestOf(await bytesOf(layers[2]?.open() ?? streamOf()))).toBe(layers[0]?.descriptor.digest);
    // Fixed: a change of this digest is a change for every user.
    expect(layers[0]?.descriptor.digest).toBe(
      'sha256:2d5511eaa81ecf5992388a402cadcb594aefeba724b60a289a6ca5fbaa8ff21c',
    );
  });

  it('is sorted, owned by root, of 1970, with links as links', async () => {
    const headers = await headersOf(await layerFromFolder(await makeTree(names)));
    expect(headers.map(({ name, type }) => `${type} ${name}`)).toEqual([
      'file Z',
      'file a',
      'file big',
      'directory dir/',
      'symlink dir/ln',
      'link dir/same',
      'file dir/tool',
      'file ä',
    ]);
    expect(headers.find(({ name }) => name === 'dir/same')?.linkname).toBe('big');
    expect(headers.find(({ name }) => name === 'dir/ln')?.linkname).toBe('../big');
    const modes = headers.map(({ mode = 0 }) => mode.toString(8));
    expect(modes).toEqual(['640', '640', '640', '750', '777', '640', '4755', '640']);
    expect(
      headers.every(({ uid, gid, mtime, uname }) => uid === 0 && gid === 0 && mtime === 0 && uname === ''),
    ).toBe(true);
  });

  it('lies where it is put, below folders that are there, with the owner and the time it is given', async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'a'), 'a');
    const layer = await layerFromFolder(folder, {
      at: '/opt/app/',
      owner: { uid: 10, gid: 20 },
      mtime: new Date('2024-01-01T00:00:00.900Z'),
    });
    const [opt, app, ...rest] = await headersOf(layer);
    expect(opt).toMatchObject({
      name: 'opt/',
      type: 'directory',
      mode: 0o755,
      uid: 10,
      gid: 20,
      mtime: 1_704_067_200,
    });
    expect(app?.name).toBe('opt/app/');
    expect(rest.map(({ name }) => name)).toEqual(['opt/app/a']);
  });

  it('has the time of SOURCE_DATE_EPOCH, which must be one', async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'a'), '');
    vi.stubEnv('SOURCE_DATE_EPOCH', '1700000000');
    expect((await headersOf(await layerFromFolder(folder)))[0]?.mtime).toBe(1_700_000_000);
    vi.stubEnv('SOURCE_DATE_EPOCH', 'yesterday');
    expect((await failure(layerFromFolder(folder))).message).toContain('SOURCE_DATE_EPOCH is "yesterday"');
  });

  it('leaves out sockets, says so once, and keeps pipes', async () => {
    const folder = await tempFolder();
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    try {
      const notices: string[] = [];
      const layer = await layerFromFolder(folder, { onNotice: (text) => notices.push(text) });
      expect((await headersOf(layer)).map(({ name, type }) => `${type} ${name}`)).toEqual(['fifo pipe']);
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain('socket');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('is refused for what is no folder, for a place outside, and for names that are not UTF-8', async () => {
    const folder = await tempFolder();
    expect((await failure(layerFromFolder(join(folder, 'none')))).code).toBe('INVALID_OPTION');
    await writeFile(join(folder, 'file'), '');
    expect((await failure(layerFromFolder(join(folder, 'file')))).message).toContain('is not a folder');
    const to = await tempFolder();
    await symlink(folder, join(to, 'link'));
    const [own, linked] = await Promise.all([folder, join(to, 'link')].map((path) => layerFromFolder(path)));
    expect(linked?.descriptor).toEqual(own?.descriptor);
    expect((await failure(layerFromFolder(folder, { at: '../up' }))).code).toBe('CONTENT_INVALID');
    await rename(join(folder, 'file'), Buffer.concat([Buffer.from(`${folder}/x`), Buffer.from([0xff])]));
    expect((await failure(layerFromFolder(folder))).message).toContain('not UTF-8');
  });
});

describe('a layer of a stream', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocilot-test-'));
    vi.stubEnv('TMPDIR', folder);
  });
  afterEach(() => rm(folder, { recursive: true }));
  const scratch = async (): Promise<number> => (await readdir(folder)).length;

  it('is read once, and opens again and again', async () => {
    const tar = await tarOf([{ name: 'f', type: 'file', size: 300_000, body: [noise(300_000, 3)] }]);
    const layer = await layerFromStream(streamOf(tar.subarray(0, 1), tar.subarray(1)));
    const whole = await layerFromBytes(tar);
    expect(layer.descriptor).toEqual(whole.descriptor);
    expect(await layer.diffId()).toBe(digestOf(tar));
    const [first, second] = [await bytesOf(layer.open()), await bytesOf(layer.open())];
    expect(digestOf(first)).toBe(layer.descriptor.digest);
    expect(second.equals(first)).toBe(true);
    const part = await bytesOf(layer.open({ range: { start: 5, end: 9 } }));
    expect(part.equals(first.subarray(5, 10))).toBe(true);
    expect((await bytesOf(layer.uncompressed())).equals(tar)).toBe(true);
    expect(await scratch()).toBe(1);
    await layer.close();
    expect(await scratch()).toBe(0);
    expect((await failure(layer.open())).message).toContain('was closed');
  });

  it('that is packed already stays as it is', async () => {
    const tar = await tarOf([{ name: 'f', type: 'file' }]);
    const packed = gzipSync(tar, { level: 9 });
    const layer = await layerFromStream(streamOf(packed), { family: 'docker', compression: 'none' });
    expect(layer.descriptor).toEqual({
      mediaType: MEDIA_TYPES.dockerLayer,
      digest: digestOf(packed),
      size: packed.length,
    });
    expect(await layer.diffId()).toBe(digestOf(tar));
    await layer.close();
  });

  it('that is damaged or aborted leaves nothing behind', async () => {
    const packed = gzipSync(noise(100_000, 1));
    expect((await failure(layerFromStream(streamOf(packed.subarray(0, 5000))))).code).toBe('CONTENT_INVALID');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(layerFromStream(streamOf(packed), { signal })).rejects.toThrow('enough');
    expect(await scratch()).toBe(0);
  });
});

describe('a layer rewritten', () => {
  it('has one time in all entries, and no finer ones', async () => {
    const tar = await tarOf([
      { name: 'd/', type: 'directory', mtime: 5 },
      {
        name: 'f',
        type: 'file',
        size: 2,
        body: [Buffer.from('hi')],
        pax: { mtime: '7.5', atime: '8', 'SCHILY.xattr.a': 'b' },
      },
    ]);
    const layer = await retimedLayer(await layerFromBytes(tar), new Date(60_500));
    const entries = await entriesOf([await bytesOf(layer.uncompressed())]);
    expect(entries.map(({ name, mtime, pax }) => ({ name, mtime, pax }))).toEqual([
      { name: 'd/', mtime: 60, pax: undefined },
      { name: 'f', mtime: 60, pax: { 'SCHILY.xattr.a': 'b' } },
    ]);
    await layer.close();
  });

  it('for Windows has the bytes of crane', async () => {
    const tar = await tarOf([
      { name: 'd/', type: 'directory', mode: 0o755 },
      { name: 'd/f', type: 'file', mode: 0o644, size: 1, body: [Buffer.from('w')] },
      { name: 's', type: 'symlink', mode: 0o777, linkname: 'd/f' },
    ]);
    const layer = await windowsLayer(await layerFromBytes(tar));
    // `crane append -f` of this tar on an image for windows/amd64, version 0.21.9.
    expect(layer.descriptor.digest).toBe(
      'sha256:6a4ba89914167307cf8973bb29e5242d2622d9996ae7708a4d4f8722cd9b5c64',
    );
    await layer.close();
  });

  it('for Windows lies below Files, and only once', async () => {
    const tar = await tarOf([
      { name: './', type: 'directory', mode: 0o755 },
      { name: './dir/', type: 'directory', mode: 0o755 },
      { name: 'f', type: 'file', mode: 0o644, size: 2, body: [Buffer.from('hi')] },
      { name: 'hard', type: 'link', linkname: 'f' },
    ]);
    const layer = await windowsLayer(await layerFromBytes(tar));
    const headers = await headersOf(layer);
    expect(headers.map(({ name, linkname }) => `${name} ${linkname}`)).toEqual([
      'Files ',
      'Hives ',
      'Files/dir ',
      'Files/f ',
      'Files/hard Files/f',
    ]);
    expect(headers.slice(0, 2).every(({ mode, type }) => mode === 0o555 && type === 'directory')).toBe(true);
    expect(headers.slice(2).every(({ pax }) => pax?.['MSWINDOWS.rawsd']?.startsWith('AQAAgBQ'))).toBe(true);
    expect((await failure(windowsLayer(layer))).message).toContain('in the form of Windows already');
    await layer.close();
  });
});
