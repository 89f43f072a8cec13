import { lstat, mkdir, readFile, readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { extract } from '../../../image/files/extract.js';
import type { TarEntry } from '../../../image/tar/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { failure } from '../helpers.js';
import { imageOf } from './helpers.js';

/** Everything below a folder: path, type or content. */
async function treeOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (entry.isDirectory()) found[name] = '/';
    // oxlint-disable-next-line no-await-in-loop
    else if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    // oxlint-disable-next-line no-await-in-loop
    else found[name] = (await readFile(path)).toString();
  }
  return found;
}

describe('an image on disk', () => {
  it('has contents, modes, times, links and hard links', async () => {
    const folder = join(await tempFolder(), 'deep', 'rootfs');
    const image = await imageOf(
      [
        { name: 'closed/', type: 'directory', mode: 0o555, mtime: 1_000_000 },
        {
          name: 'closed/tool',
          type: 'file',
          mode: 0o4750,
          mtime: 2_000_000,
          size: 2,
          body: [Buffer.from('hi')],
        },
        { name: 'closed/ln', type: 'symlink', linkname: '/etc/passwd', mtime: 3_000_000 },
        'closed/hard=>closed/tool',
      ],
      ['etc/conf=x'],
    );
    const report = await extract(image, folder);
    expect(report).toEqual({ entries: 5, bytes: 3, skipped: [] });
    expect(await treeOf(folder)).toEqual({
      closed: '/',
      'closed/tool': 'hi',
      'closed/hard': 'hi',
      'closed/ln': '-> /etc/passwd',
      etc: '/',
      'etc/conf': 'x',
    });
    const [closed, tool, hard, link] = await Promise.all(
      ['closed', 'closed/tool', 'closed/hard', 'closed/ln'].map((name) => lstat(join(folder, name))),
    );
    expect([closed, tool, link].map((stat) => stat && stat.mtimeMs / 1000)).toEqual([1e6, 2e6, 3e6]);
    expect([closed, tool].map((stat) => stat && stat.mode & 0o7777)).toEqual([0o555, 0o750]);
    expect(hard?.ino).toBe(tool?.ino);
  });

  it('takes an empty folder, and refuses one that is used', async () => {
    const folder = await tempFolder();
    const image = await imageOf(['a=1']);
    await mkdir(join(folder, 'empty'));
    await extract(image, join(folder, 'empty'));
    expect(await readdir(join(folder, 'empty'))).toEqual(['a']);
    const again = await failure(extract(image, join(folder, 'empty')));
    expect(again.code).toBe('PRECONDITION_FAILED');
    await writeFile(join(folder, 'file'), '');
    expect((await failure(extract(image, join(folder, 'file', 'in')))).code).toBe('INVALID_OPTION');
  });

  it('never writes through a link, whoever made it', async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, 'victim'));
    await writeFile(join(folder, 'victim', 'file'), 'untouched');
    const victim = join(folder, 'victim');
    const image = await imageOf(
      [`out->${victim}`, 'up->../victim', `abs->${victim}/file`],
      ['out/file=1', 'up/file=2', 'abs=3', 'abs2=>out'],
      ['out/../x=4'].slice(1),
    );
    await extract(image, join(folder, 'root'));
    expect(await treeOf(victim)).toEqual({ file: 'untouched' });
    const inside = await treeOf(join(folder, 'root'));
    // Links are followed as in a container: from its root, which nothing leads out of.
    expect(inside).toMatchObject({
      [`${victim.slice(1)}/file`]: '1',
      'victim/file': '2',
      abs: '3',
      out: `-> ${victim}`,
      abs2: `-> ${victim}`,
    });
  });

  it.each([
    ['a path up', ['../evil=x']],
    ['a path up in the middle', ['a/', 'a/../../evil=x']],
    ['a hard link out', ['a=>../victim']],
    ['a hard link through a link out', ['l->..', 'a=>l/victim']],
    ['links in a circle', ['a->b', 'b->a', 'a/x=1']],
  ])('refuses %s, and leaves nothing', async (_, entries) => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'victim'), 'secret');
    const found = await failure(extract(await imageOf(['ok=1'], entries), join(folder, 'root')));
    expect(found.code).toBe('CONTENT_INVALID');
    expect(await treeOf(folder)).toEqual({ victim: 'secret' });
  });

  it('takes an absolute path for one below the root', async () => {
    const folder = join(await tempFolder(), 'root');
    await extract(await imageOf(['/etc/x=1', '//y=2', '/z=>/etc/x']), folder);
    expect(await treeOf(folder)).toEqual({ etc: '/', 'etc/x': '1', y: '2', z: '1' });
  });

  it('passes over devices and pipes, and says so', async () => {
    const folder = join(await tempFolder(), 'root');
    const notices: string[] = [];
    const devices: TarEntry[] = [
      { name: 'null', type: 'character', major: 1, minor: 3 },
      { name: 'disk', type: 'block', major: 8 },
      { name: 'pipe', type: 'fifo' },
    ];
    const image = await imageOf([...devices, 'also=>null', 'f=1']);
    const { skipped } = await extract(image, folder, { onNotice: (text) => notices.push(text) });
    expect(await treeOf(folder)).toEqual({ f: '1' });
    expect(skipped.toSorted()).toEqual(['also', 'disk', 'null', 'pipe']);
    expect(notices).toHaveLength(4);
  });

  it('of names that differ in case only has both, or is refused where the file system cannot', async () => {
    const base = await tempFolder();
    await writeFile(join(base, 'a'), '');
    const folds = (await readdir(base)).length === 1 && (await lstat(join(base, 'A')).catch(() => undefined));
    const image = await imageOf(['Dir->/', 'dir/file=1', 'A=1', 'a=2']);
    const done = extract(image, join(base, 'root'));
    if (folds) expect((await failure(done)).code).toBe('CONTENT_INVALID');
    else {
      await done;
      expect(await treeOf(join(base, 'root'))).toMatchObject({
        Dir: '-> /',
        'dir/file': '1',
        A: '1',
        a: '2',
      });
    }
  });

  it('refuses a name that the file system cannot hold', async () => {
    const folder = await tempFolder();
    const found = await failure(extract(await imageOf([`${'n'.repeat(300)}=x`]), join(folder, 'root')));
    expect(found.code).toBe('CONTENT_INVALID');
    expect(found.message).toContain('cannot hold');
    expect(await readdir(folder)).toEqual([]);
  });

  it('has each of many small files whole, also those that a link stands right behind', async () => {
    const folder = join(await tempFolder(), 'rootfs');
    const numbers = Array.from({ length: 300 }, (_, number) => number);
    const name = (number: number): string => `group-${number % 7}/file-${number}`;
    const content = (number: number): string => `${number} `.repeat(number * 4);
    const image = await imageOf(
      numbers.flatMap((number): TarEntry[] => [
        {
          name: name(number),
          type: 'file',
          mode: number % 2 === 0 ? 0o640 : 0o400,
          mtime: 1000 + number,
          size: content(number).length,
          body: [Buffer.from(content(number))],
        },
        { name: `${name(number)}-link`, type: 'link', linkname: name(number) },
      ]),
    );
    const report = await extract(image, folder);
    const size = numbers.reduce((sum, number) => sum + content(number).length, 0);
    expect(report).toEqual({ entries: 600, bytes: size, skipped: [] });
    const files = await Promise.all(
      numbers.map(async (number) => {
        const [text, facts, link] = await Promise.all([
          readFile(join(folder, name(number))),
          lstat(join(folder, name(number))),
          lstat(join(folder, `${name(number)}-link`)),
        ]);
        return [text.toString(), facts.mode & 0o777, facts.mtimeMs, facts.ino === link.ino];
      }),
    );
    expect(files).toEqual(
      numbers.map((number) => [
        content(number),
        number % 2 === 0 ? 0o640 : 0o400,
        1000 * (1000 + number),
        true,
      ]),
    );
  });

  it('leaves nothing when one of many fails', async () => {
    const parent = await tempFolder();
    const numbers = Array.from({ length: 40 }, (_, number) => `file-${number}=x`);
    const image = await imageOf([
      ...numbers,
      `${'n'.repeat(300)}=x`,
      ...numbers.map((text) => `more/${text}`),
    ]);
    const error = await failure(extract(image, join(parent, 'rootfs')));
    expect(error.code).toBe('CONTENT_INVALID');
    expect(error.message).toContain('which this file system cannot hold');
    expect(await readdir(parent)).toEqual([]);
  });

  it('stops at the limit and when it is aborted, and leaves nothing', async () => {
    const folder = await tempFolder();
    const image = await imageOf([`a=${'x'.repeat(50_000)}`]);
    expect((await failure(extract(image, join(folder, 'root'), { limit: 10_000 }))).code).toBe('SIZE_LIMIT');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(extract(image, join(folder, 'root'), { signal })).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual([]);
  });
});
