import { cp } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Descriptor } from '../../oci/index.js';
import { BUILDER, DOORS, READER, nameOf, openRegistry, type OpenRegistry } from '../helpers/clients/doors.js';
import { expectNoFailure } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { makeImage, makeMultiArch } from '../helpers/clients/images.js';
import { Layout, tagOf } from '../helpers/clients/layout.js';
import { have, needs } from '../helpers/clients/process.js';
import { seed } from '../helpers/clients/seed.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

describe.each(DOORS.map((door) => [nameOf(door), door] as const))('skopeo, %s', (_, door) => {
  const teardown = new Teardown();
  const closed = door.auth !== 'none';
  let registry: OpenRegistry;
  let home: Home;
  let skopeo: Skopeo;
  let layout: Layout;
  let image: Descriptor;
  let multi: Descriptor;

  beforeAll(async () => {
    registry = await openRegistry(teardown, door);
    home = await Home.create(teardown);
    await home.trust(registry);
    skopeo = new Skopeo(home);
    layout = await Layout.create(home.path('layout'));
    image = await makeImage(layout, { seed: 'image', tag: 'image' });
    multi = await makeMultiArch(layout, 'multi');
    await seed(registry.store, 'team/seeded', layout, image, ['1.0', 'latest']);
    await seed(registry.store, 'team/seeded', layout, multi, ['multi']);
    if (closed && have('skopeo')) {
      const user = ['--username', BUILDER.name, '--password-stdin', registry.host];
      await skopeo.feed(BUILDER.password, 'login', ...user);
    }
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  const at = (name: string): string => `docker://${registry.host}/${name}`;
  const none = (side: 'src' | 'dest'): string => `--${side}-no-creds`;
  const as = (side: 'src' | 'dest', { name, password }: typeof READER): string =>
    `--${side}-creds=${name}:${password}`;

  if (closed)
    it('logs in, says as whom, and out', async () => {
      const file = `--authfile=${home.path('other.json')}`;
      const user = ['--username', READER.name, '--password-stdin', registry.host];
      await skopeo.feed(READER.password, 'login', file, ...user);
      const { stdout } = await skopeo.run('login', file, '--get-login', registry.host);
      expect(stdout.trim()).toBe(READER.name);
      await skopeo.run('logout', file, registry.host);
      await skopeo.fails(/not logged in/i, 'login', file, '--get-login', registry.host);
    });

  if (closed)
    it('is refused with a wrong password', async () => {
      await skopeo.fails(
        /invalid username\/password|unauthorized/i,
        'login',
        '--username',
        BUILDER.name,
        '--password',
        'wrong',
        registry.host,
      );
      await skopeo.fails(
        /invalid username\/password|unauthorized|authentication/i,
        'inspect',
        '--creds',
        `${BUILDER.name}:wrong`,
        at('team/seeded:1.0'),
      );
    });

  it('pushes an image', async () => {
    await skopeo.run('copy', `oci:${layout.folder}:image`, at('team/pushed:1.0'));
    expect((await registry.store.tags.get('team/pushed', '1.0'))?.digest).toBe(image.digest);
  });

  it('pulls an image, by tag and by digest', async () => {
    for (const name of ['team/seeded:1.0', `team/seeded@${image.digest}`]) {
      const folder = home.path(`pulled-${name.length}`);
      await skopeo.run('copy', at(name), `oci:${folder}:image`);
      expect(await tagOf(folder)).toMatchObject({ digest: image.digest, size: image.size });
    }
  });

  it('pushes and pulls every platform of an index', async () => {
    await skopeo.run('copy', '--all', `oci:${layout.folder}:multi`, at('team/index:1.0'));
    expect((await registry.store.tags.get('team/index', '1.0'))?.digest).toBe(multi.digest);
    await skopeo.run('copy', '--all', at('team/index:1.0'), `oci:${home.path('index')}:1.0`);
    expect(await tagOf(home.path('index'))).toMatchObject({ digest: multi.digest });
  });

  it('inspects an image and an index', async () => {
    expect(await skopeo.raw(at('team/seeded:1.0'))).toMatchObject({ digest: image.digest });
    expect(await skopeo.raw(at('team/seeded:multi'))).toMatchObject({ digest: multi.digest });
    const { stdout } = await skopeo.run('inspect', at('team/seeded:1.0'));
    expect(JSON.parse(stdout)).toMatchObject({
      Digest: image.digest,
      Architecture: 'amd64',
      Labels: { seed: 'image' },
      RepoTags: ['1.0', 'latest', 'multi'],
    });
    const config = await skopeo.run('inspect', '--config', at('team/seeded:1.0'));
    expect(JSON.parse(config.stdout)).toMatchObject({ config: { Labels: { seed: 'image' } } });
  });

  it('lists tags', async () => {
    expect(await skopeo.tags(`${registry.host}/team/seeded`)).toEqual(['1.0', 'latest', 'multi']);
  });

  it('copies between repositories without sending a layer again', async () => {
    await skopeo.run('copy', at('team/seeded:1.0'), at('team/copied:1.0'));
    expect((await registry.store.tags.get('team/copied', '1.0'))?.digest).toBe(image.digest);
    const sent = registry.requests.filter(
      ({ repository, operation }) => repository === 'team/copied' && operation === 'upload.append',
    );
    const { config } = (await skopeo.raw(at('team/copied:1.0'))).document as { config: Descriptor };
    expect(sent.map(({ received }) => received)).toEqual([config.size]);
  });

  it('syncs a repository to a folder and back', async () => {
    const folder = home.path('synced');
    const repository = `${registry.host}/team/seeded`;
    await skopeo.run('sync', '--all', '--src', 'docker', '--dest', 'dir', repository, folder);
    await cp(folder, home.path('again'), { recursive: true });
    await skopeo.run('sync', '--all', '--src', 'dir', '--dest', 'docker', folder, `${registry.host}/back`);
    expect((await registry.store.tags.get('back/seeded', '1.0'))?.digest).toBe(image.digest);
    expect((await registry.store.tags.get('back/seeded', 'multi'))?.digest).toBe(multi.digest);
  });

  it('deletes an image, and every tag of it', async () => {
    await seed(registry.store, 'team/deleted', layout, image, ['1.0', 'twin']);
    await seed(registry.store, 'team/deleted', layout, multi, ['kept']);
    await skopeo.run('delete', at('team/deleted:1.0'));
    expect(await skopeo.tags(`${registry.host}/team/deleted`)).toEqual(['kept']);
    await skopeo.fails(/manifest unknown|not in team\/deleted/i, 'inspect', at('team/deleted:1.0'));
  });

  if (closed)
    it('lets a reader pull, and nothing else', async () => {
      await skopeo.run('copy', as('src', READER), at('team/seeded:1.0'), `dir:${home.path('read')}`);
      await skopeo.fails(
        /denied|unauthorized|authentication required/i,
        'copy',
        as('dest', READER),
        `oci:${layout.folder}:image`,
        at('team/seeded:mine'),
      );
      await skopeo.fails(
        /denied|unauthorized|authentication required|not allowed/i,
        'delete',
        `--creds=${READER.name}:${READER.password}`,
        at('team/seeded:1.0'),
      );
      expect(await skopeo.tags(`${registry.host}/team/seeded`)).toEqual(['1.0', 'latest', 'multi']);
    });

  if (closed)
    it('lets a stranger do what it should', async () => {
      const pull = ['copy', none('src'), at('team/seeded:1.0'), `dir:${home.path('stranger')}`];
      const push = ['copy', none('dest'), `oci:${layout.folder}:image`, at('team/seeded:stolen')];
      const refused = /unauthorized|authentication required|denied/i;
      if (door.auth === 'anonymous') await skopeo.run(...pull);
      else await skopeo.fails(refused, ...pull);
      await skopeo.fails(refused, ...push);
      expect(await registry.store.tags.get('team/seeded', 'stolen')).toBeUndefined();
    });

  it('caused no failure inside the registry', () => expectNoFailure(registry));
});
