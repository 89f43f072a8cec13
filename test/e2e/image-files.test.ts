import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readFile, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  appendLayers,
  copy,
  createLayout,
  editConfig,
  extract,
  exportTar,
  flatten,
  layerFromFolder,
  sourceOf,
  type ImageView,
} from '../../image/index.js';
import { emptyImage } from '../../image/empty.js';
import { Home } from '../helpers/clients/home.js';
import { needs } from '../helpers/clients/process.js';
import { Teardown } from '../helpers/clients/teardown.js';
import { imageOf } from '../image/files/helpers.js';
import { bytesOf } from '../image/helpers.js';

/** Everything below a folder: type, mode, and content or target; hard links by the first of their names. */
async function treeOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const names = await readdir(folder, { recursive: true });
  const first = new Map<number, string>();
  for (const name of names.toSorted()) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop
    const stats = await lstat(path);
    const mode = (stats.mode & 0o777).toString(8);
    const linked = stats.isFile() ? first.get(stats.ino) : undefined;
    if (stats.isDirectory()) found[name] = `${mode}/`;
    // oxlint-disable-next-line no-await-in-loop
    else if (stats.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    // oxlint-disable-next-line no-await-in-loop
    else
      found[name] =
        `${mode} ${(await readFile(path)).toString()}${linked === undefined ? '' : ` = ${linked}`}`;
    if (stats.nlink > 1 && linked === undefined) first.set(stats.ino, name);
  }
  return found;
}

describe('the files of an image, as umoci and tar have them', () => {
  const teardown = new Teardown();
  let home: Home;

  beforeAll(async () => {
    home = await Home.create(teardown);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'umoci'));

  async function unpacked(image: ImageView, name: string): Promise<string> {
    const runnable = await editConfig(image, { platform: { os: 'linux', architecture: 'amd64' } });
    const sink = await createLayout(home.path(name));
    await copy(sourceOf(runnable), sink, [{ descriptor: runnable.descriptor, tags: ['1'] }]);
    await sink.finish?.();
    const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
    await home.succeed('umoci', [
      'unpack',
      ...rootless,
      '--image',
      `${home.path(name)}:1`,
      home.path(`${name}.bundle`),
    ]);
    return home.path(`${name}.bundle`, 'rootfs');
  }

  const tricky = (): Promise<ImageView> =>
    imageOf(
      [
        'usr/',
        'usr/bin/',
        'usr/bin/sh=shell',
        'bin->usr/bin',
        'etc/',
        'etc/a=1',
        'etc/b=>etc/a',
        'gone/',
        'gone/x=1',
        'opaque/',
        'opaque/old=1',
        'file=now a file',
        'dir/',
        'dir/below=1',
        'hidden=1',
      ],
      [
        'bin/app=through a link',
        '.wh.gone',
        'opaque/',
        'opaque/.wh..wh..opq',
        'opaque/new=2',
        '.wh.hidden',
        'etc/',
        'etc/a=replaced',
        'dir=now a file',
        'late=>usr/bin/sh',
      ],
    );

  it('extract and umoci unpack agree', async () => {
    const image = await tricky();
    const theirs = await treeOf(await unpacked(image, 'tricky'));
    await extract(image, home.path('ours'));
    const ours = await treeOf(home.path('ours'));
    expect(ours).toEqual(theirs);
    expect(ours).toMatchObject({
      'usr/bin/app': '644 through a link',
      'etc/b': '644 1',
      'etc/a': '644 replaced',
    });
  });

  it('tar unpacks what is exported to the same, and umoci what is flattened', async () => {
    const image = await tricky();
    await extract(image, home.path('plain'));
    const expected = await treeOf(home.path('plain'));
    await mkdir(home.path('tarred'));
    execFileSync('tar', ['-x', '-C', home.path('tarred')], { input: await bytesOf(exportTar(image)) });
    expect(await treeOf(home.path('tarred'))).toEqual(expected);
    expect(await treeOf(await unpacked(await flatten(image), 'flat'))).toEqual(expected);
  });

  it('umoci unpacks layers of folders, packed as eStargz too', async () => {
    const folder = home.path('app');
    await mkdir(join(folder, 'lib'), { recursive: true });
    await writeFile(join(folder, 'lib', 'tool'), 'tool', { mode: 0o755 });
    await symlink('lib/tool', join(folder, 'run'));
    for (const compression of ['gzip', 'estargz'] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const layer = await layerFromFolder(folder, { at: '/opt/app', compression });
      // oxlint-disable-next-line no-await-in-loop
      const tree = await treeOf(await unpacked(await appendLayers(emptyImage(), [layer]), compression));
      delete tree['stargz.index.json'];
      expect(tree).toEqual({
        opt: '755/',
        'opt/app': '755/',
        'opt/app/lib': '755/',
        'opt/app/lib/tool': '755 tool',
        'opt/app/run': '-> lib/tool',
      });
    }
  });
});
