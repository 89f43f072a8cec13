import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Descriptor } from '../../oci/index.js';
import { BUILDER, DOORS, READER, nameOf, openRegistry, type OpenRegistry } from '../helpers/clients/doors.js';
import { expectNoFailure, storedDigest } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { makeImage, makeMultiArch } from '../helpers/clients/images.js';
import { Layout, tagOf } from '../helpers/clients/layout.js';
import { have, needs } from '../helpers/clients/process.js';
import { seed } from '../helpers/clients/seed.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

const REFUSED = /unauthorized|authentication required|denied/i;

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

  it('pushes an image', async () => {
    await skopeo.run('copy', `oci:${layout.folder}:image`, at('team/pushed:1.0'));
    expect(await storedDigest(registry, 'team/pushed', '1.0')).toBe(image.digest);
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
    expect(await storedDigest(registry, 'team/index', '1.0')).toBe(multi.digest);
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
    expect(await storedDigest(registry, 'team/copied', '1.0')).toBe(image.digest);
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
    await skopeo.run('sync', '--all', '--src', 'dir', '--dest', 'docker', folder, `${registry.host}/back`);
    expect(await storedDigest(registry, 'back/seeded', '1.0')).toBe(image.digest);
    expect(await storedDigest(registry, 'back/seeded', 'multi')).toBe(multi.digest);
  });

  it('deletes an image, and every tag of it', async () => {
    await seed(registry.store, 'team/deleted', layout, image, ['1.0', 'twin']);
    await seed(registry.store, 'team/deleted', layout, multi, ['kept']);
    await skopeo.run('delete', at('team/deleted:1.0'));
    expect(await skopeo.tags(`${registry.host}/team/deleted`)).toEqual(['kept']);
    await skopeo.fails(/manifest unknown|not in team\/deleted/i, 'inspect', at('team/deleted:1.0'));
  });

  if (door.scheme === 'tls') {
    it('refuses a certificate of an authority that it was not told to trust', async () => {
      const stranger = new Skopeo(await Home.create(teardown));
      const name = at('team/seeded:1.0');
      const creds = closed ? [`--creds=${BUILDER.name}:${BUILDER.password}`] : [];
      await stranger.fails(/certificate signed by unknown authority/, 'inspect', ...creds, name);
      const trusting = [`--cert-dir=${home.path('.config/containers/certs.d', registry.host)}`];
      await stranger.run('inspect', ...creds, ...trusting, name);
      await stranger.run('inspect', ...creds, '--tls-verify=false', name);
    });
  }

  if (closed) {
    it('logs in, says as whom, and out', async () => {
      const file = `--authfile=${home.path('other.json')}`;
      const user = ['--username', READER.name, '--password-stdin', registry.host];
      await skopeo.feed(READER.password, 'login', file, ...user);
      const { stdout } = await skopeo.run('login', file, '--get-login', registry.host);
      expect(stdout.trim()).toBe(READER.name);
      await skopeo.run('logout', file, registry.host);
      await skopeo.fails(/not logged in/i, 'login', file, '--get-login', registry.host);
    });

    it('is refused with a wrong password', async () => {
      const user = ['--username', BUILDER.name, '--password', 'wrong', registry.host];
      await skopeo.fails(/invalid username\/password/, 'login', ...user);
      await skopeo.fails(REFUSED, 'inspect', `--creds=${BUILDER.name}:wrong`, at('team/seeded:1.0'));
    });

    it('lets a reader pull, and nothing else', async () => {
      const creds = `${READER.name}:${READER.password}`;
      const folder = `dir:${home.path('read')}`;
      await skopeo.run('copy', `--src-creds=${creds}`, at('team/seeded:1.0'), folder);
      await skopeo.fails(REFUSED, 'copy', `--dest-creds=${creds}`, folder, at('team/seeded:mine'));
      await skopeo.fails(REFUSED, 'delete', `--creds=${creds}`, at('team/seeded:1.0'));
      expect(await skopeo.tags(`${registry.host}/team/seeded`)).toEqual(['1.0', 'latest', 'multi']);
    });

    it('lets a stranger pull only where everybody may', async () => {
      const pull = ['copy', '--src-no-creds', at('team/seeded:1.0'), `dir:${home.path('stranger')}`];
      if (door.auth === 'anonymous') await skopeo.run(...pull);
      else await skopeo.fails(REFUSED, ...pull);
      const source = `oci:${layout.folder}:image`;
      await skopeo.fails(REFUSED, 'copy', '--dest-no-creds', source, at('team/seeded:stolen'));
      expect(await storedDigest(registry, 'team/seeded', 'stolen')).toBeUndefined();
    });
  }

  it('caused no failure inside the registry', () => expectNoFailure(registry));
});
