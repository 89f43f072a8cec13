import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Descriptor } from '../../oci/index.js';
import {
  BUILDER,
  READER,
  SOME_DOORS,
  nameOf,
  openRegistry,
  type OpenRegistry,
} from '../helpers/clients/doors.js';
import { expectNoFailure, storedDigest } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { makeImage, makeMultiArch } from '../helpers/clients/images.js';
import { Layout } from '../helpers/clients/layout.js';
import { needsMounts } from '../helpers/clients/process.js';
import { seed } from '../helpers/clients/seed.js';
import { Teardown } from '../helpers/clients/teardown.js';

const REFUSED = /unauthorized|authentication required|denied/i;

describe.each(SOME_DOORS.map((door) => [nameOf(door), door] as const))('podman, %s', (_, door) => {
  const teardown = new Teardown();
  const closed = door.auth !== 'none';
  const creds = closed ? [`--creds=${BUILDER.name}:${BUILDER.password}`] : [];
  let registry: OpenRegistry;
  let home: Home;
  let image: Descriptor;

  beforeAll(async () => {
    registry = await openRegistry(teardown, door);
    home = await Home.create(teardown);
    await home.trust({ ...registry, mirrorOf: ['registry.example'] });
    const layout = await Layout.create(home.path('layout'));
    image = await makeImage(layout, { seed: 'image' });
    await seed(registry.store, 'team/seeded', layout, image, ['1.0', '1.1']);
    await seed(registry.store, 'team/seeded', layout, await makeMultiArch(layout, 'multi'), ['multi']);
    await seed(registry.store, 'other/app', layout, image, ['1.0']);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needsMounts(ctx, 'podman'));

  const podman = async (...args: readonly string[]): Promise<string> =>
    (await home.succeed('podman', args)).stdout.trim();
  const at = (name: string): string => `${registry.host}/${name}`;

  const login = async (...flags: readonly string[]): Promise<unknown> =>
    await home.succeed(
      'podman',
      ['login', ...flags, '--username', BUILDER.name, '--password-stdin', registry.host],
      { input: BUILDER.password },
    );

  /** Builds an image from nothing but a Dockerfile. */
  async function build(tag: string, ...lines: readonly string[]): Promise<void> {
    const text = ['FROM scratch', 'COPY Dockerfile /', `LABEL name="${tag}"`, ...lines, ''].join('\n');
    await writeFile(home.path('Dockerfile'), text);
    await podman('build', '--quiet', '--tag', tag, home.folder);
  }

  async function push(local: string, target: string, ...flags: readonly string[]): Promise<string> {
    const file = home.path('digest');
    await podman('push', ...creds, '--digestfile', file, ...flags, local, at(target));
    return (await readFile(file, 'utf8')).trim();
  }

  it('builds and pushes', async () => {
    await build('localhost/made', 'ENV A=b', 'COPY Dockerfile /second');
    const digest = await push('localhost/made', 'team/made:1.0');
    expect(await storedDigest(registry, 'team/made', '1.0')).toBe(digest);
    const docker = await push('localhost/made', 'team/made:docker', '--format', 'v2s2');
    expect(await storedDigest(registry, 'team/made', 'docker')).toBe(docker);
  });

  it('pulls what it pushed, and has the same image', async () => {
    await build('localhost/again');
    const id = await podman('image', 'inspect', '--format', '{{.Id}}', 'localhost/again');
    const digest = await push('localhost/again', 'team/again:1.0');
    await podman('rmi', '--force', id);
    await podman('pull', '--quiet', ...creds, at(`team/again@${digest}`));
    expect(await podman('image', 'inspect', '--format', '{{.Id}}', at(`team/again@${digest}`))).toBe(id);
  });

  it('pulls, inspects and lists an image', async () => {
    await podman('pull', '--quiet', ...creds, at('team/seeded:1.0'));
    const [found] = JSON.parse(await podman('image', 'inspect', at('team/seeded:1.0'))) as unknown[];
    expect(found).toMatchObject({
      Digest: image.digest,
      RepoTags: [at('team/seeded:1.0')],
      Labels: { seed: 'image' },
      Architecture: 'amd64',
    });
    expect(await podman('images', '--format', '{{.Repository}}:{{.Tag}}')).toContain(at('team/seeded:1.0'));
  });

  it('pulls one platform and every tag', async () => {
    await podman('pull', '--quiet', ...creds, '--platform', 'linux/arm64', at('team/seeded:multi'));
    expect(await podman('image', 'inspect', '--format', '{{.Architecture}}', at('team/seeded:multi'))).toBe(
      'arm64',
    );
    // What it asks for the list of tags is sent with the credentials of a login only.
    if (closed) await login();
    await podman('pull', '--quiet', '--all-tags', at('team/seeded'));
    if (closed) await podman('logout', registry.host);
    const listed = await podman('images', '--format', '{{.Tag}}', at('team/seeded'));
    expect(listed.split('\n').toSorted()).toEqual(['1.0', '1.1', 'multi']);
  });

  it('pulls by the name of a registry that this one mirrors', async () => {
    // Credentials of a mirror come from the file of a login only.
    if (closed) await login();
    await podman('pull', '--quiet', 'registry.example/other/app:1.0');
    const name = 'registry.example/other/app:1.0';
    expect(await podman('image', 'inspect', '--format', '{{.Digest}}', name)).toBe(image.digest);
    if (closed) await podman('logout', registry.host);
  });

  it('lists tags and searches the catalog', async () => {
    if (closed) await login();
    const listed = await podman('search', '--list-tags', '--format', 'json', at('team/seeded'));
    expect(JSON.parse(listed)).toEqual([{ Name: at('team/seeded'), Tags: ['1.0', '1.1', 'multi'] }]);
    const found = await podman('search', '--format', '{{.Name}}', at('seeded'));
    expect(found.split('\n')).toEqual([at('team/seeded')]);
    if (closed) await podman('logout', registry.host);
  });

  it('makes a manifest list and pushes it with its images', async () => {
    await build('localhost/first');
    await build('localhost/second');
    const local = (name: string): string => `containers-storage:localhost/${name}`;
    await podman('manifest', 'create', 'localhost/list', local('first'));
    await podman('manifest', 'add', '--arch', 'arm64', 'localhost/list', local('second'));
    const file = home.path('digest');
    const target = `docker://${at('team/list:1.0')}`;
    await podman('manifest', 'push', ...creds, '--all', '--digestfile', file, 'localhost/list', target);
    const digest = (await readFile(file, 'utf8')).trim();
    expect(await storedDigest(registry, 'team/list', '1.0')).toBe(digest);
    const list = JSON.parse(await podman('manifest', 'inspect', 'localhost/list')) as {
      manifests: unknown[];
    };
    expect(list.manifests).toHaveLength(2);
  });

  if (closed) {
    it('logs in and out', async () => {
      await login('--authfile', home.path('other.json'));
      await login();
      expect(await podman('login', '--get-login', registry.host)).toBe(BUILDER.name);
      await podman('pull', '--quiet', at('team/seeded:1.1'));
      await podman('logout', registry.host);
      await home.fail('podman', ['login', '--get-login', registry.host], /not logged in/i);
      const pull = ['pull', '--quiet', at('team/seeded:1.1')];
      if (door.auth === 'anonymous') await podman(...pull);
      else await home.fail('podman', pull, REFUSED);
    });

    it('is refused a login with a wrong password', async () => {
      const args = ['login', '--username', BUILDER.name, '--password', 'wrong', registry.host];
      await home.fail('podman', args, /invalid username\/password|unauthorized/i);
    });

    it('is refused a push as a reader', async () => {
      await build('localhost/refused');
      const user = `--creds=${READER.name}:${READER.password}`;
      await home.fail('podman', ['push', user, 'localhost/refused', at('team/refused:1.0')], REFUSED);
      expect(await storedDigest(registry, 'team/refused', '1.0')).toBeUndefined();
    });
  }

  it('caused no failure inside the registry', () => expectNoFailure(registry));
});
