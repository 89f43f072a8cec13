import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { remoteSink } from '../../client/remote/sink.js';
import { copy } from '../../image/copy/index.js';
import { layerFromBytes } from '../../image/layer.js';
import { writeTar, type TarEntry } from '../../image/tar/index.js';
import { makeImage } from '../../image/views/made.js';
import { sourceOf } from '../../image/views/source.js';
import { collect, describe as descriptorOf, encodeJson, streamOf } from '../../oci/index.js';
import { parseWanted } from '../../bundle/names.js';
import { Places } from '../../bundle/places.js';
import { gatherBundle } from '../../bundle/copy/set.js';
import { copyToRepository } from '../../bundle/copy/to-repository.js';
import { openOutputFolder } from '../../bundle/pull/output.js';
import { pullBundle, pullImage, type PullEvent } from '../../bundle/pull/pull.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, fileOf, golden, HOST, reach, seedGolden } from './fixtures.js';

const at = (name: string): { registry: string; repository: string } => ({ registry: HOST, repository: name });
const places = (registry: TestRegistry): Places => new Places(reach(registry));
const wanted = (name: string) => parseWanted(`${HOST}/${name}`);

/** A folder as `find -printf '%y %m %p'` has it in the golden files. */
async function treeOf(folder: string): Promise<string[]> {
  const lines: string[] = [];
  const visit = async (path: string): Promise<void> => {
    const facts = await stat(path);
    const name = relative(folder, path);
    lines.push(
      `${facts.isDirectory() ? 'd' : 'f'} ${(facts.mode & 0o7777).toString(8)} ${name === '' ? '.' : `./${name}`}`,
    );
    if (facts.isDirectory()) for (const child of await readdir(path)) await visit(join(path, child));
  };
  await visit(folder);
  return lines.toSorted();
}

const linesOf = (name: string): string[] => golden(name).toString().trim().split('\n');
/** Folders with nothing in them, which imgpkg loses. */
const EMPTY = ['d 755 ./.imgpkg/x', 'd 755 ./empty'];

async function relocate(registry: TestRegistry): Promise<void> {
  const repository = reach(registry)(at('dst/outer'));
  const set = await gatherBundle(places(registry), wanted('src/outer:v1'));
  await copyToRepository(set, { repository, sink: remoteSink(repository) });
}

/** Puts an image of such layers. */
async function seedLayers(
  registry: TestRegistry,
  name: string,
  layers: readonly (readonly TarEntry[])[],
): Promise<void> {
  const made = await Promise.all(
    layers.map(async (entries) =>
      layerFromBytes(await collect(writeTar(entries), 1 << 20, 'layer'), { family: 'docker' }),
    ),
  );
  const config = encodeJson({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: await Promise.all(made.map((layer) => layer.diffId())) },
    config: { Labels: name === 'bundle' ? { 'dev.carvel.imgpkg.bundle': '' } : {} },
  });
  const raw = encodeJson({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: descriptorOf('application/vnd.docker.container.image.v1+json', config),
    layers: made.map(({ descriptor }) => descriptor),
  });
  const image = makeImage({ raw, config, layers: made });
  await copy(sourceOf(image), remoteSink(reach(registry)(at(name))), [
    { descriptor: image.descriptor, tags: ['1'] },
  ]);
}

const file = (name: string, content = name, mode = 0o644): TarEntry => ({
  name,
  type: 'file',
  mode,
  size: Buffer.byteLength(content),
  body: streamOf(Buffer.from(content)),
});

describe('pull of a bundle', () => {
  it.each([
    ['before', 'src/outer:v1', false],
    ['after', 'dst/outer:v1', false],
    ['rec', 'dst/outer:v1', true],
  ])(
    '%s relocation gives the files of imgpkg, and empty folders too (weakness 22)',
    async (name, reference, recursive) => {
      await using registry = await startRegistry({ socket: false });
      await seedGolden(registry);
      if (name !== 'before') await relocate(registry);
      const folder = join(await tempFolder(), 'out');
      const pulled = await pullBundle(places(registry), wanted(reference), folder, {
        recursive,
        umask: 0o022,
      });
      expect(pulled.relocated).toBe(name !== 'before');
      expect(await readFile(join(folder, '.imgpkg/images.yml'), 'utf8')).toBe(
        golden(`pulled-${name}.images.yml`).toString(),
      );
      expect(await treeOf(folder)).toEqual([...linesOf(`pulled-${name}.tree.txt`), ...EMPTY].toSorted());
    },
  );

  it('tells what it does, and skips what it has', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const events: PullEvent[] = [];
    const folder = join(await tempFolder(), 'out');
    await pullBundle(places(registry), wanted('src/outer:v1'), folder, {
      recursive: true,
      onEvent: (event) => events.push(event),
    });
    expect(
      events.map((event) =>
        'reference' in event ? `${event.type} ${event.reference.split('@')[0]}` : event.type,
      ),
    ).toEqual([`bundle ${HOST}/src/outer`, 'layer', `nested ${HOST}/src/inner`, 'layer']);
  });

  it('does not name images that were pruned (weakness 18)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    await relocate(registry);
    await reach(registry)(at('dst/outer')).deleteManifest(DIGESTS.app);
    const folder = join(await tempFolder(), 'out');
    const pulled = await pullBundle(places(registry), wanted('dst/outer:v1'), folder);
    expect(pulled.relocated).toBe(false);
    expect(await readFile(join(folder, '.imgpkg/images.yml'), 'utf8')).toBe(
      golden('pulled-before.images.yml').toString(),
    );
  });

  it('of OCI types is a bundle as any other (weakness 12)', async () => {
    await using registry = await startRegistry({ socket: false });
    const { pushBundle } = await import('../../bundle/push/push.js');
    const folder = await tempFolder();
    await fileOf(
      join(folder, 'in/.imgpkg/images.yml'),
      'apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n',
    );
    await pushBundle(remoteSink(reach(registry)(at('oci'))), '1', { files: [join(folder, 'in')], oci: true });
    const pulled = await pullBundle(places(registry), wanted('oci:1'), join(folder, 'out'));
    expect(pulled.relocated).toBe(true);
    const set = await gatherBundle(places(registry), wanted('oci:1'));
    expect(set.items).toHaveLength(1);
  });

  it('writes nothing through links in it', async () => {
    await using registry = await startRegistry({ socket: false });
    const folder = await tempFolder();
    const lock = 'apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n';
    await fileOf(join(folder, 'victim/images.yml'), 'mine');
    await seedLayers(registry, 'bundle', [
      [
        file('.imgpkg/images.yml', lock),
        { name: '.imgpkg', type: 'symlink', linkname: join(folder, 'victim') },
      ],
    ]);
    await expect(pullBundle(places(registry), wanted('bundle:1'), join(folder, 'out'))).rejects.toMatchObject(
      { code: 'CONTENT_INVALID' },
    );
    expect(await readFile(join(folder, 'victim/images.yml'), 'utf8')).toBe('mine');
    expect(await readdir(folder)).toEqual(['victim']);
  });
});

describe('pull of an image', () => {
  it('applies layers in order, with whiteouts (weakness 2)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedLayers(registry, 'image', [
      [file('a', 'old'), file('gone'), file('d/1'), file('d/2')],
      [file('a', 'new', 0o600), file('.wh.gone', ''), file('d/.wh..wh..opq', ''), file('d/3')],
    ]);
    const folder = join(await tempFolder(), 'out');
    await pullImage(places(registry), wanted('image:1'), folder, { umask: 0o022 });
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('new');
    expect(await treeOf(folder)).toEqual(['d 755 .', 'd 755 ./d', 'f 644 ./a', 'f 644 ./d/3']);
  });

  it('keeps every entry inside, and the old folder as it was (weakness 1, 3)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedLayers(registry, 'image', [[file('../escaped')]]);
    const folder = await tempFolder();
    await fileOf(join(folder, 'out/kept'), 'kept');
    await expect(pullImage(places(registry), wanted('image:1'), join(folder, 'out'))).rejects.toMatchObject({
      code: 'CONTENT_INVALID',
    });
    expect(await readdir(folder)).toEqual(['out']);
    expect(await readFile(join(folder, 'out/kept'), 'utf8')).toBe('kept');
  });

  it('replaces what was in the folder', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry, ['src/plain']);
    const folder = await tempFolder();
    await fileOf(join(folder, 'out/old'), '');
    const reference = await pullImage(places(registry), wanted('src/plain:1'), join(folder, 'out'));
    expect(reference).toBe(`${HOST}/src/plain@${DIGESTS.plain}`);
    expect(await readdir(join(folder, 'out'))).toEqual(['a.txt']);
    expect(await readdir(folder)).toEqual(['out']);
  });

  it('leaves the folder alone when a layer is no tar, or breaks off', async () => {
    await using registry = await startRegistry({
      socket: false,
      seed: { app: { 1: { artifactType: 'x/y', blobs: [{ mediaType: 'a/b', content: 'no tar at all' }] } } },
    });
    await seedGolden(registry, ['src/plain']);
    const folder = await tempFolder();
    await fileOf(join(folder, 'out/old'), '');
    await expect(pullImage(places(registry), wanted('app:1'), join(folder, 'out'))).rejects.toMatchObject({
      code: 'CONTENT_INVALID',
    });
    expect(await readdir(join(folder, 'out'))).toEqual(['old']);
    expect(await readdir(folder)).toEqual(['out']);
  });

  it('refuses indexes and bundles, unless these are meant', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const folder = join(await tempFolder(), 'out');
    await expect(pullImage(places(registry), wanted('src/multi:1'), folder)).rejects.toThrow(
      'Unable to pull non-images, such as image indexes. (hint: provide a specific digest to the image instead)',
    );
    await expect(pullImage(places(registry), wanted('src/outer:v1'), folder)).rejects.toThrow(
      'Expected bundle flag when pulling a bundle (hint: Use -b instead of -i for bundles)',
    );
    await expect(pullBundle(places(registry), wanted('src/plain:1'), folder)).rejects.toThrow(
      'Expected bundle image but found plain image (hint: Did you use -i instead of -b?)',
    );
    await pullImage(places(registry), wanted('src/outer:v1'), folder, { evenBundle: true });
    expect(await readFile(join(folder, '.imgpkg/images.yml'), 'utf8')).toBe(
      golden('pulled-before.images.yml').toString(),
    );
  });
});

describe('an output folder', () => {
  it('is refused when nobody can have meant it (weakness 3)', async () => {
    const base = await tempFolder();
    const home = join(base, 'home');
    const cwd = join(base, 'work/here');
    await mkdir(home);
    await mkdir(cwd, { recursive: true });
    await symlink(home, join(base, 'link'));
    await writeFile(join(base, 'file'), '');
    for (const path of [
      '',
      '/',
      '.',
      './',
      '..',
      '../..',
      cwd,
      `${cwd}/`,
      join(base, 'work'),
      home,
      base,
      join(base, 'link'),
      `${cwd}/x/..`,
    ])
      await expect(openOutputFolder(path, { home, cwd }), path).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('refused'),
      });
    await expect(openOutputFolder(join(base, 'file'), { home, cwd })).rejects.toThrow(/is no folder/);
    for (const path of ['out', '../out', '..x', join(home, 'x')])
      await (await openOutputFolder(path, { home, cwd })).abandon();
  });

  it('behind a link stays behind it', async () => {
    const base = await tempFolder();
    await fileOf(join(base, 'real/old'), '');
    await symlink(join(base, 'real'), join(base, 'link'));
    const output = await openOutputFolder(join(base, 'link'));
    await fileOf(join(output.staging, 'new'), '');
    await output.commit();
    expect(await readdir(join(base, 'real'))).toEqual(['new']);
    expect((await readdir(base)).toSorted()).toEqual(['link', 'real']);
  });
});
