import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyArchive } from '../../image/archive/index.js';
import type { Descriptor } from '../../oci/index.js';
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

/** A bundle in two versions: three multi-platform images, of which the second has one changed. */
async function near(folder: string): Promise<TestRegistry> {
  const registry = await startRegistry();
  const sink = storeSink(registry.registry.store, 'images');
  const image = async (seed: string): Promise<Descriptor> =>
    await putIndex(sink, [
      await putImage(sink, { seed: `${seed}-amd64` }),
      await putImage(sink, { seed: `${seed}-arm64`, platform: { os: 'linux', architecture: 'arm64' } }),
    ]);
  for (const [version, seeds] of [
    ['1', ['a', 'b', 'c']],
    ['2', ['a', 'b', 'new']],
  ] as const) {
    const images = await Promise.all(seeds.map(image));
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

describe('a differential bundle', () => {
  it.each(['inventory', 'ids'])('crosses the gap by %s with what is new alone', async (by) => {
    const folder = await tempFolder();
    await using registry = await near(folder);
    await using far = await startRegistry();
    await ok('copy', '-b', `${registry.host}/app:1`, '--to-repo', `${far.host}/app`);
    const [have, update, whole] = ['have', 'update.tar', 'whole.tar'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const place = by === 'ids' ? ['--ids', `${far.host}/app:1`] : [`${far.host}/app`];
    await ok('inventory', ...place, '--to', have);
    await ok('copy', '-b', `${registry.host}/app:2`, '--to-tar', whole);
    await ok('copy', '-b', `${registry.host}/app:2`, '--to-tar', update, '--have', have);

    const blobs = async (path: string): Promise<string[]> =>
      (await entriesOf([await readFile(path)]))
        .map(({ name }) => name)
        .filter((name) => name.startsWith('blobs/'));
    // One index with two images of three blobs each, and the bundle itself.
    expect(await blobs(update)).toHaveLength(1 + 2 * 3 + 3);
    expect((await blobs(whole)).length).toBe(3 * (1 + 2 * 3) + 3);
    const { base, problems } = await verifyArchive(update);
    expect(problems).toEqual([]);
    expect(base?.of).toEqual([`${far.host}/app`]);

    await ok('copy', '--tar', update, '--to-repo', `${far.host}/app`);
    await ok('pull', '-b', `${far.host}/app:2`, '-o', join(folder, 'out'));
    expect(await readFile(join(folder, 'out/config.yml'), 'utf8')).toBe('version: 2\n');
    const images = await readFile(join(folder, 'out/.imgpkg/images.yml'), 'utf8');
    expect(images.match(new RegExp(`image: ${far.host}/app@`, 'g'))).toHaveLength(3);
    const digest = async (at: TestRegistry): Promise<string> =>
      await ok('image', 'digest', `${at.host}/app:2`);
    expect(await digest(far)).toBe(await digest(registry));
  });

  it('is refused where its base is not, by its names, and changes nothing', async () => {
    const folder = await tempFolder();
    await using registry = await near(folder);
    await using other = await startRegistry();
    const [have, update] = [join(folder, 'have'), join(folder, 'update.tar')];
    await ok('copy', '-b', `${registry.host}/app:1`, '--to-repo', `${registry.host}/far`);
    await ok('inventory', `${registry.host}/far`, '--to', have);
    await ok('copy', '-b', `${registry.host}/app:2`, '--to-tar', update, '--have', have, '--split', '2KiB');
    expect((await readdir(folder)).filter((name) => name.startsWith('update')).length).toBeGreaterThan(1);
    const { base } = await verifyArchive(update);
    const { exitCode, written } = await command(['copy', '--tar', update, '--to-repo', `${other.host}/app`]);
    expect(exitCode).toBe(1);
    for (const { digest } of base?.manifests.slice(0, 3) ?? []) expect(written.err).toContain(digest);
    expect(other.requests.filter(({ method }) => !['GET', 'HEAD'].includes(method))).toEqual([]);
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
