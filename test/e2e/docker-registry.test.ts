import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MEDIA_TYPES, type Descriptor } from '../../oci/index.js';
import { importDockerRegistry } from '../../registry/index.js';
import { startDockerRegistry, type DockerRegistry } from '../helpers/clients/docker-registry.js';
import { openRegistry, type OpenRegistry } from '../helpers/clients/doors.js';
import { expectNoFailure, storedDigest } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { makeImage, makeMultiArch } from '../helpers/clients/images.js';
import { Layout, tagOf } from '../helpers/clients/layout.js';
import { have, needs } from '../helpers/clients/process.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

const MIB = 1024 * 1024;

describe("Debian's docker-registry and this one", () => {
  const teardown = new Teardown();
  let ours: OpenRegistry;
  let theirs: DockerRegistry;
  let home: Home;
  let skopeo: Skopeo;
  let layout: Layout;
  let image: Descriptor;
  let multi: Descriptor;
  let large: Descriptor;

  beforeAll(async () => {
    ours = await openRegistry(teardown, { auth: 'none', scheme: 'http' });
    home = await Home.create(teardown);
    await home.trust(ours);
    skopeo = new Skopeo(home);
    layout = await Layout.create(home.path('layout'));
    image = await makeImage(layout, { seed: 'image', tag: 'image' });
    multi = await makeMultiArch(layout, 'multi');
    large = await makeImage(layout, {
      seed: 'large',
      tag: 'large',
      layers: [8 * MIB],
      compression: 'stored',
    });
    if (!have('docker-registry') || !have('skopeo')) return;
    theirs = await startDockerRegistry(home, teardown);
    await home.trust({ host: theirs.host });
    for (const [tag, target] of [
      ['image', 'team/app:1.0'],
      ['image', 'team/app:latest'],
      ['multi', 'team/app:multi'],
      ['large', 'deep/er/large:1.0'],
    ]) {
      await skopeo.run('copy', '--all', `oci:${layout.folder}:${tag}`, `docker://${theirs.host}/${target}`);
    }
    const docker = ['--format', 'v2s2', `oci:${layout.folder}:image`];
    await skopeo.run('copy', ...docker, `docker://${theirs.host}/team/docker:1.0`);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'docker-registry', 'skopeo'));

  const here = (name: string): string => `docker://${ours.host}/${name}`;
  const there = (name: string): string => `docker://${theirs.host}/${name}`;

  it('skopeo copies from it to ours and back: the digests stay', async () => {
    const names = ['team/app:1.0', 'team/app:multi', 'deep/er/large:1.0', 'team/docker:1.0'];
    for (const name of names) {
      const { digest } = await skopeo.raw(there(name));
      await skopeo.run('copy', '--all', there(name), here(`moved/${name}`));
      expect((await skopeo.raw(here(`moved/${name}`))).digest).toBe(digest);
      await skopeo.run('copy', '--all', here(`moved/${name}`), there(`back/${name}`));
      expect((await skopeo.raw(there(`back/${name}`))).digest).toBe(digest);
    }
    expect(await storedDigest(ours, 'moved/team/app', '1.0')).toBe(image.digest);
    expect(await storedDigest(ours, 'moved/team/app', 'multi')).toBe(multi.digest);
  });

  it('skopeo syncs a whole repository of it to ours', async () => {
    const docker = ['--src', 'docker', '--dest', 'docker'];
    await skopeo.run('sync', '--all', ...docker, `${theirs.host}/team/app`, `${ours.host}/synced`);
    expect(await skopeo.tags(`${ours.host}/synced/app`)).toEqual(['1.0', 'latest', 'multi']);
    expect(await storedDigest(ours, 'synced/app', 'multi')).toBe(multi.digest);
  });

  it('lists tags as it does', async () => {
    const target = `${ours.host}/listed/app`;
    for (const tag of ['1.0', 'latest', 'multi'])
      await skopeo.run('copy', '--all', there(`team/app:${tag}`), `docker://${target}:${tag}`);
    const theirTags = await skopeo.tags(`${theirs.host}/team/app`);
    expect(await skopeo.tags(target)).toEqual(theirTags.toSorted());
  });

  it('imports its data folder: what clients pull is the same', async () => {
    const imported = await openRegistry(teardown, { auth: 'none', scheme: 'http' });
    await home.trust(imported);
    // A repository whose only manifest was deleted leaves traces in the folder, and nothing to take over.
    await skopeo.run('copy', `oci:${layout.folder}:image`, there('deleted/app:1.0'));
    await skopeo.run('delete', there('deleted/app:1.0'));

    const report = await importDockerRegistry(imported.store, theirs.folder);
    expect(report.skipped).toEqual([]);
    const known = await tagsByRepository(`http://${theirs.host}`);
    expect(await tagsByRepository(imported.url)).toEqual(known);
    expect(Object.keys(known)).toEqual(expect.arrayContaining(['deep/er/large', 'team/app', 'team/docker']));

    for (const [name, digest] of [
      ['team/app:1.0', image.digest],
      ['team/app:latest', image.digest],
      ['team/app:multi', multi.digest],
      ['deep/er/large:1.0', large.digest],
    ] as const) {
      const folder = home.path('imported', name.replace(':', '-'));
      await home.succeed('mkdir', ['-p', folder]);
      await skopeo.run('copy', '--all', `docker://${imported.host}/${name}`, `oci:${folder}:1`);
      expect(await tagOf(folder)).toMatchObject({ digest });
    }
    const docker = await skopeo.raw(`docker://${imported.host}/team/docker:1.0`);
    expect(docker).toMatchObject({
      digest: (await skopeo.raw(there('team/docker:1.0'))).digest,
      document: { mediaType: MEDIA_TYPES.dockerManifest },
    });
    expectNoFailure(imported);
  });

  /** Sorted tags of every repository that has some. */
  async function tagsByRepository(url: string): Promise<Record<string, string[]>> {
    const read = async (path: string): Promise<unknown> => await (await fetch(`${url}/v2/${path}`)).json();
    const { repositories } = (await read('_catalog')) as { repositories: string[] };
    const found: [string, string[]][] = [];
    for (const name of repositories) {
      const { tags } = (await read(`${name}/tags/list`)) as { tags?: string[] | null };
      if (tags !== undefined && tags !== null && tags.length > 0) found.push([name, tags.toSorted()]);
    }
    return Object.fromEntries(found);
  }

  it('caused no failure inside the registry', () => expectNoFailure(ours));
});
