import { mkdir, readFile, writeFile } from 'node:fs/promises';
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

describe.each(SOME_DOORS.map((door) => [nameOf(door), door] as const))('buildah, %s', (_, door) => {
  const teardown = new Teardown();
  const closed = door.auth !== 'none';
  const creds = closed ? [`--creds=${BUILDER.name}:${BUILDER.password}`] : [];
  let registry: OpenRegistry;
  let home: Home;
  let image: Descriptor;
  let multi: Descriptor;

  beforeAll(async () => {
    registry = await openRegistry(teardown, door);
    home = await Home.create(teardown);
    await home.trust(registry);
    const layout = await Layout.create(home.path('layout'));
    image = await makeImage(layout, { seed: 'image' });
    multi = await makeMultiArch(layout, 'multi');
    await seed(registry.store, 'team/seeded', layout, image, ['1.0']);
    await seed(registry.store, 'team/seeded', layout, multi, ['multi']);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needsMounts(ctx, 'buildah'));

  const buildah = async (...args: readonly string[]): Promise<string> =>
    (await home.succeed('buildah', args)).stdout.trim();

  /** Makes an image of one layer, and returns its local name. */
  async function commit(name: string): Promise<string> {
    await mkdir(home.path('content'), { recursive: true });
    await writeFile(home.path('content', name), `made for ${name}`);
    const container = await buildah('from', 'scratch');
    await buildah('copy', container, home.path('content', name), '/etc/content');
    await buildah('config', '--label', `name=${name}`, '--os', 'linux', '--arch', 'amd64', container);
    await buildah('commit', '--quiet', '--rm', container, `localhost/${name}`);
    return `localhost/${name}`;
  }

  /** Pushes, and returns the digest that buildah says the registry has. */
  async function push(local: string, target: string, ...flags: readonly string[]): Promise<string> {
    const file = home.path('digest');
    await buildah(
      'push',
      ...creds,
      '--digestfile',
      file,
      ...flags,
      local,
      `docker://${registry.host}/${target}`,
    );
    return (await readFile(file, 'utf8')).trim();
  }

  it('builds from scratch, commits and pushes', async () => {
    const digest = await push(await commit('made'), 'team/made:1.0');
    expect(await storedDigest(registry, 'team/made', '1.0')).toBe(digest);
  });

  it('pushes in Docker schema 2', async () => {
    const digest = await push(await commit('docker'), 'team/docker:1.0', '--format', 'v2s2');
    expect(await storedDigest(registry, 'team/docker', '1.0')).toBe(digest);
  });

  it('builds a Dockerfile on an image of the registry', async () => {
    await writeFile(home.path('Dockerfile'), `FROM ${registry.host}/team/seeded:1.0\nCOPY Dockerfile /\n`);
    await buildah('build', ...creds, '--quiet', '--tag', 'localhost/built', home.folder);
    const digest = await push('localhost/built', 'team/built:1.0');
    expect(await storedDigest(registry, 'team/built', '1.0')).toBe(digest);
    const { bytes } =
      (await registry.store.manifests.get('team/built', digest as Descriptor['digest'])) ?? {};
    const base = await registry.store.manifests.get('team/seeded', image.digest);
    const layers = (document: Uint8Array | undefined): Descriptor[] =>
      (JSON.parse(Buffer.from(document ?? []).toString()) as { layers: Descriptor[] }).layers;
    expect(layers(bytes).map(({ digest: layer }) => layer)).toEqual([
      ...layers(base?.bytes).map(({ digest: layer }) => layer),
      expect.any(String),
    ]);
  });

  it('pulls by tag and by digest', async () => {
    for (const name of ['team/seeded:1.0', `team/seeded@${image.digest}`]) {
      await buildah('pull', ...creds, `${registry.host}/${name}`);
    }
    const found = JSON.parse(await buildah('images', '--json')) as { names: string[]; digest: string }[];
    const mine = found.find(({ names }) => names.includes(`${registry.host}/team/seeded:1.0`));
    expect(mine?.digest).toBe(image.digest);
  });

  it('makes a manifest list and pushes it with its images', async () => {
    await buildah('manifest', 'create', 'localhost/list');
    await buildah('manifest', 'add', 'localhost/list', await commit('first'));
    await buildah('manifest', 'add', '--arch', 'arm64', 'localhost/list', await commit('second'));
    const target = `docker://${registry.host}/team/list:1.0`;
    const file = home.path('digest');
    await buildah('manifest', 'push', ...creds, '--all', '--digestfile', file, 'localhost/list', target);
    const digest = (await readFile(file, 'utf8')).trim();
    expect(await storedDigest(registry, 'team/list', '1.0')).toBe(digest);
    const stored = await registry.store.manifests.get('team/list', digest as Descriptor['digest']);
    expect(JSON.parse(Buffer.from(stored?.bytes ?? []).toString())).toMatchObject({
      manifests: [{ platform: { architecture: 'amd64' } }, { platform: { architecture: 'arm64' } }],
    });
  });

  it('inspects an index of the registry', async () => {
    if (closed) await login();
    const found = JSON.parse(await buildah('manifest', 'inspect', `${registry.host}/team/seeded:multi`)) as {
      manifests: unknown[];
    };
    expect(found.manifests).toHaveLength(2);
  });

  const login = async (): Promise<unknown> =>
    await home.succeed('buildah', ['login', '--username', BUILDER.name, '--password-stdin', registry.host], {
      input: BUILDER.password,
    });

  if (closed) {
    it('logs in and out', async () => {
      await login();
      expect(await buildah('login', '--get-login', registry.host)).toBe(BUILDER.name);
      await buildah('pull', `${registry.host}/team/seeded:1.0`);
      await buildah('logout', registry.host);
      const name = `${registry.host}/team/seeded:1.0`;
      if (door.auth === 'anonymous') await buildah('pull', '--policy=always', name);
      else await home.fail('buildah', ['pull', '--policy=always', name], REFUSED);
    });

    it('is refused a push as a reader, and with a wrong password', async () => {
      const local = await commit('refused');
      const target = `docker://${registry.host}/team/refused:1.0`;
      for (const user of [`${READER.name}:${READER.password}`, `${BUILDER.name}:wrong`]) {
        await home.fail('buildah', ['push', '--retry=0', `--creds=${user}`, local, target], REFUSED);
      }
      expect(await storedDigest(registry, 'team/refused', '1.0')).toBeUndefined();
    });
  }

  it('caused no failure inside the registry', () => expectNoFailure(registry));
});
