import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyArchive } from '../../image/archive/index.js';
import { MEDIA_TYPES, type Descriptor } from '../../oci/index.js';
import { storeSink } from '../../registry/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import { tempFolder } from '../helpers/temp.js';
import { putImage, putIndex } from '../image/content.js';
import { entriesOf } from '../image/tar/helpers.js';

/** Runs a command line that has to succeed, and gives what it said. */
async function ok(...args: string[]): Promise<string> {
  const { exitCode, written } = await command(args, { env: { HOME: await tempFolder() } });
  expect([exitCode, exitCode === 0 ? '' : written.err]).toEqual([0, '']);
  return written.out + written.err;
}

const IMAGES = 8;
/** Images that the second version has anew: of each, one platform stays as it was. */
const CHANGED = 3;
/** Manifests of the first version that the second one has too. */
const BASE = (IMAGES - CHANGED) * 3 + CHANGED;

/** A bundle of multi-platform images in two versions. */
async function near(folder: string): Promise<TestRegistry> {
  const registry = await startRegistry();
  const sink = storeSink(registry.registry.store, 'images');
  for (const version of ['1', '2']) {
    const images: Descriptor[] = [];
    for (let at = 0; at < IMAGES; at++) {
      const seed = version === '2' && at < CHANGED ? `${at}-anew` : String(at);
      const arm = { os: 'linux', architecture: 'arm64' };
      const children = [
        await putImage(sink, { seed: `${at}-amd64` }),
        await putImage(sink, { seed: `${seed}-arm64`, platform: arm }),
      ];
      images.push(await putIndex(sink, children));
    }
    const list = images.map(({ digest }) => `- image: ${registry.host}/images@${digest}\n`).join('');
    const source = join(folder, version);
    await mkdir(join(source, '.imgpkg'), { recursive: true });
    await writeFile(join(source, 'config.yml'), `version: ${version}\n`);
    await writeFile(
      join(source, '.imgpkg/images.yml'),
      `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n${list}`,
    );
    await ok('push', '-b', `${registry.host}/app:${version}`, '-f', source);
  }
  return registry;
}

async function entryNames(path: string): Promise<string[]> {
  return (await entriesOf([await readFile(path)])).map(({ name }) => name);
}

/** Unpacks an archive into a folder, which is a layout then. */
async function unpacked(path: string, folder: string): Promise<void> {
  for (const { name, body } of await entriesOf([await readFile(path)])) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), Buffer.concat(body));
  }
}

/** What an inventory can be of that has the first version. */
const PLACES = {
  'a registry': (far: string) => [`${far}/`],
  'a repository': (far: string) => [`${far}/app`],
  'a layout folder': (_: string, folder: string) => [join(folder, 'layout')],
  'an archive': (_: string, folder: string) => [join(folder, 'first.tar')],
  'ids of what was loaded': (far: string) => ['--ids', `${far}/app:1`],
  'ids of a registry': (far: string) => ['--ids', `${far}/`],
};

describe('a differential bundle', () => {
  it.each(Object.entries(PLACES))(
    'holds the new blobs and manifests only, by an inventory of %s',
    async (_, of) => {
      const folder = await tempFolder();
      await using registry = await near(folder);
      await using far = await startRegistry();
      const at = (name: string): string => join(folder, name);
      await ok('copy', '-b', `${registry.host}/app:1`, '--to-tar', at('first.tar'));
      await ok('copy', '--tar', at('first.tar'), '--to-repo', `${far.host}/app`);
      await unpacked(at('first.tar'), at('layout'));
      await ok('inventory', ...of(far.host, folder), '--to', at('have'));
      await ok('copy', '-b', `${registry.host}/app:2`, '--to-tar', at('second.tar'));
      await ok('copy', '-b', `${registry.host}/app:2`, '--to-tar', at('update.tar'), '--have', at('have'));

      const old = new Set(await entryNames(at('first.tar')));
      const fresh = (await entryNames(at('second.tar'))).filter(
        (name) => name.startsWith('blobs/') && !old.has(name),
      );
      // Of each image an index, a manifest, a config and a layer; and the bundle itself.
      expect(fresh).toHaveLength(CHANGED * 4 + 3);
      expect(await entryNames(at('update.tar'))).toEqual([
        'oci-layout',
        ...fresh,
        'index.json',
        'manifest.json',
        'ocilot-base.json',
        'ocilot-seal.json',
      ]);
      const { base, problems } = await verifyArchive(at('update.tar'));
      expect(problems).toEqual([]);
      // What is as it was: indexes with their images, and below the new ones an image each.
      expect(base?.manifests).toHaveLength(BASE);
      expect(base?.blobs).toEqual([]);
      expect(base?.of).not.toEqual([]);

      far.requests.clear();
      await ok('copy', '--tar', at('update.tar'), '--to-repo', `${far.host}/app`);
      expect(far.requests.filter({ operation: 'blob.get', method: 'GET' })).toEqual([]);
      await ok('pull', '-b', `${far.host}/app:2`, '-o', at('out'));
      expect(await readFile(at('out/config.yml'), 'utf8')).toBe('version: 2\n');
      const images = await readFile(at('out/.imgpkg/images.yml'), 'utf8');
      expect(images.match(new RegExp(`image: ${far.host}/app@`, 'g'))).toHaveLength(IMAGES);
      const digest = ({ host }: TestRegistry): Promise<string> => ok('image', 'digest', `${host}/app:2`);
      expect(await digest(far)).toBe(await digest(registry));
      // What was loaded is whole: it can be carried on from there.
      await ok('copy', '-b', `${far.host}/app:2`, '--to-tar', at('onward.tar'));
      expect((await entryNames(at('onward.tar'))).toSorted()).toEqual(
        (await entryNames(at('second.tar'))).toSorted(),
      );
    },
  );

  it('is refused where its base is not, or not all of it: what is missing is named, and nothing has moved', async () => {
    const folder = await tempFolder();
    await using registry = await near(folder);
    await using other = await startRegistry();
    const [have, update] = [join(folder, 'have'), join(folder, 'update.tar')];
    await ok('copy', '-b', `${registry.host}/app:1`, '--to-repo', `${registry.host}/far`);
    await ok('inventory', `${registry.host}/far`, '--to', have);
    await ok('copy', '-b', `${registry.host}/app:2`, '--to-tar', update, '--have', have, '--split', '2KiB');
    expect((await readdir(folder)).filter((name) => name.startsWith('update')).length).toBeGreaterThan(1);
    const { base } = await verifyArchive(update);
    expect(base?.manifests).toHaveLength(BASE);
    const refused = async (missing: readonly Descriptor[]): Promise<void> => {
      other.requests.clear();
      const load = ['copy', '--tar', update, '--to-repo', `${other.host}/app`];
      const { exitCode, written } = await command(load);
      expect(exitCode).toBe(1);
      const named = (base?.manifests ?? []).filter(({ digest }) => written.err.includes(digest));
      expect(named).toEqual(missing.slice(0, 10));
      if (missing.length > 10) expect(written.err).toContain(`${missing.length - 10} more`);
      expect(written.err).toContain('load it where its base is');
      expect(other.requests.filter(({ method }) => !['GET', 'HEAD'].includes(method))).toEqual([]);
    };
    await refused(base?.manifests ?? []);
    // A base that is there but for one image of it.
    const left = base?.manifests.find(({ mediaType }) => mediaType === MEDIA_TYPES.ociIndex);
    const index = await registry.fetch(`/v2/far/manifests/${left?.digest}`);
    const { manifests } = (await index.json()) as { manifests: Descriptor[] };
    const isLeft = ({ digest }: Descriptor): boolean =>
      digest === left?.digest || manifests.some((child) => child.digest === digest);
    for (const { digest } of base?.manifests.filter((one) => !isLeft(one)) ?? [])
      await ok(
        'image',
        'copy',
        `${registry.host}/far@${digest}`,
        `${other.host}/app:kept-${digest.slice(7, 15)}`,
      );
    await putImage(storeSink(other.registry.store, 'app'), { seed: 'old', tags: ['2'] });
    await refused(base?.manifests.filter(isLeft) ?? []);
  });

  it.each([
    ['--tar', 'x', '--to-repo', 'r.example/x', '--have', 'y'],
    ['-b', 'r.example/x', '--to-tar', 'y', '--have', 'z', '--tar-format', 'imgpkg'],
    ['-b', 'r.example/x', '--to-tar', '-', '--split', '1MiB'],
    ['-b', 'r.example/x', '--to-tar', 'y', '--split', '1MiB', '--resume'],
  ])('is asked for with %s %s %s %s %s %s in vain', async (...args) => {
    const { exitCode, written } = await command(['copy', ...args]);
    expect(exitCode).toBeGreaterThan(0);
    expect(written.err).toMatch(/--have|--split/);
  });
});
