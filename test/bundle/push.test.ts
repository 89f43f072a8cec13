import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { remoteSink } from '../../client/remote/sink.js';
import { memoryStore } from '../../image/memory.js';
import { readTar, type TarHeader } from '../../image/tar/index.js';
import { imageFrom } from '../../image/views/image.js';
import { digestTag } from '../../bundle/names.js';
import { pushBundle, pushImage, type PushOptions } from '../../bundle/push/push.js';
import { startRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, fileOf, golden, goldenInputs, HOST, reach } from './fixtures.js';

const LOCK = 'apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n';

/** What the layer of a pushed image holds. */
async function entriesOf(
  options: Omit<PushOptions, 'files'>,
  files: readonly string[],
): Promise<TarHeader[]> {
  const store = memoryStore();
  const image = imageFrom(store, await pushImage(store, 'x', { ...options, files }));
  const [layer] = await image.layers();
  const headers: TarHeader[] = [];
  if (layer !== undefined)
    for await (const { header } of readTar(await layer.uncompressed())) headers.push(header);
  return headers;
}

const names = (headers: readonly TarHeader[]): string[] => headers.map(({ name }) => name);

describe('push', () => {
  it.each([
    ['plain', pushImage],
    ['inner', pushBundle],
    ['outer', pushBundle],
  ] as const)('of %s has the digest that imgpkg gave it', async (name, push) => {
    await using registry = await startRegistry({ socket: false });
    const repository = reach(registry)({ registry: HOST, repository: `src/${name}` });
    const folder = join(await goldenInputs(), name);
    const pushed = await push(remoteSink(repository), 'v1', { files: [folder] });
    expect(pushed.digest).toBe(DIGESTS[name]);
    for (const tag of ['v1', digestTag(pushed.digest)])
      expect((await repository.resolve(tag))?.digest).toBe(pushed.digest);
    const manifest = await repository.manifest('v1');
    expect(golden('everything.oci.tar').includes(Buffer.from(manifest.bytes))).toBe(true);
    expect(registry.requests.count()).toBeLessThanOrEqual(12);
  });

  it('with --oci has types of OCI and the same layer', async () => {
    const store = memoryStore();
    const files = [join(await goldenInputs(), 'plain')];
    const oci = imageFrom(store, await pushImage(store, 'a', { files, oci: true }));
    const docker = imageFrom(store, await pushImage(store, 'b', { files }));
    const manifest = await oci.manifest();
    expect([manifest.mediaType, manifest.config.mediaType, manifest.layers[0]?.mediaType]).toEqual([
      'application/vnd.oci.image.manifest.v1+json',
      'application/vnd.oci.image.config.v1+json',
      'application/vnd.oci.image.layer.v1.tar+gzip',
    ]);
    expect(manifest.layers[0]?.digest).toBe((await docker.manifest()).layers[0]?.digest);
  });

  it('of nothing is an empty layer', async () => expect(await entriesOf({}, [])).toEqual([]));

  it('takes several paths in their order, each folder from its top', async () => {
    const folder = await tempFolder();
    await fileOf(join(folder, 'a/z'), '');
    await fileOf(join(folder, 'a/b/c'), '');
    await fileOf(join(folder, 'b/ä'), '');
    await fileOf(join(folder, 'one'), '');
    const paths = ['b', 'one', 'a'].map((name) => join(folder, name));
    expect(names(await entriesOf({}, paths))).toEqual(['.', 'ä', 'one', '.', 'b', 'b/c', 'z']);
  });

  it('leaves out a .git at the top, and with an own list only what is on it', async () => {
    const folder = await tempFolder();
    for (const name of ['.git/a', 'b/.git/a', 'b/c', 'd']) await fileOf(join(folder, name), '');
    expect(names(await entriesOf({}, [folder]))).toEqual(['.', 'b', 'b/.git', 'b/.git/a', 'b/c', 'd']);
    expect(names(await entriesOf({ exclude: ['b/.git', 'd'] }, [folder]))).toEqual([
      '.',
      '.git',
      '.git/a',
      'b',
      'b/c',
    ]);
  });

  it('keeps only the rights of owners, unless it is to keep all', async () => {
    const folder = await tempFolder();
    await fileOf(join(folder, 'f'), '', 0o754);
    await mkdir(join(folder, 'd'), { mode: 0o750 });
    const modes = async (options: object): Promise<unknown> =>
      (await entriesOf(options, [folder])).slice(1).map(({ name, mode }) => [name, mode?.toString(8)]);
    expect(await modes({})).toEqual([
      ['d', '700'],
      ['f', '700'],
    ]);
    expect(await modes({ preservePermissions: true })).toEqual([
      ['d', '750'],
      ['f', '754'],
    ]);
  });

  it('sorts labels, and keeps its own for itself', async () => {
    const store = memoryStore();
    const folder = await tempFolder();
    await fileOf(join(folder, '.imgpkg/images.yml'), LOCK);
    const files = [folder];
    const pushed = await pushBundle(store, 'x', { files, labels: { z: '1', a: '2' } });
    const config = Buffer.from(await imageFrom(store, pushed).config()).toString();
    expect(config).toContain('"config":{"Labels":{"a":"2","dev.carvel.imgpkg.bundle":"true","z":"1"}}');
    const labels = { 'dev.carvel.imgpkg.bundle': 'true' };
    await expect(pushBundle(store, 'x', { files, labels })).rejects.toThrow(/is reserved/);
  });

  it('refuses links and names them', async () => {
    const folder = await tempFolder();
    await symlink('x', join(folder, 'link'));
    await expect(entriesOf({}, [folder])).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: /link.*symbolic link/,
    });
    expect(names(await entriesOf({ exclude: ['link'] }, [folder]))).toEqual(['.']);
  });

  it('refuses a path that is not there', async () => {
    await expect(entriesOf({}, ['/nonexistent/x'])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('a bundle', () => {
  /** Pushes files of these names as a bundle. */
  async function bundleOf(
    files: Readonly<Record<string, string>>,
    tops: readonly string[] = ['.'],
  ): Promise<unknown> {
    const folder = await tempFolder();
    for (const [name, content] of Object.entries(files)) await fileOf(join(folder, name), content);
    return await pushBundle(memoryStore(), 'x', { files: tops.map((top) => join(folder, top)) });
  }

  it.each<[string, Record<string, string>, string[] | undefined, RegExp]>([
    [
      'without .imgpkg',
      { a: '' },
      undefined,
      /This directory is not a bundle\. It is missing \.imgpkg\/images\.yml/,
    ],
    ['without images.yml', { '.imgpkg/x': '' }, undefined, /images\.yml to exist/],
    [
      'with two',
      { 'a/.imgpkg/images.yml': LOCK, 'b/.imgpkg/images.yml': LOCK },
      ['a', 'b'],
      /multiple bundle definitions/,
    ],
    ['with a second one deeper', { '.imgpkg/images.yml': LOCK, 'x/.imgpkg/y': '' }, undefined, /multiple/],
    ['with one too deep', { 'x/.imgpkg/images.yml': LOCK }, undefined, /directly in one of/],
    [
      'of clashing paths',
      { 'a/.imgpkg/images.yml': LOCK, 'a/f': '', 'b/f': '' },
      ['a', 'b'],
      /Found duplicate paths: .*a\/f.*b\/f/,
    ],
    [
      'with a list of images that is none (weakness 19)',
      { '.imgpkg/images.yml': `${LOCK}images: [{image: a:1}]` },
      undefined,
      /digest form/,
    ],
  ])('%s is refused', async (_, files, tops, message) => {
    await expect(bundleOf(files, tops)).rejects.toThrow(message);
  });

  it('is refused as an image', async () => {
    const files = [join(await goldenInputs(), 'inner')];
    await expect(pushImage(memoryStore(), 'x', { files })).rejects.toThrow(
      "Images cannot be pushed with '.imgpkg' directories, consider using --bundle (-b) option",
    );
  });
});
