import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openRegistry, nameOf, BUILDER, SOME_DOORS, type OpenRegistry } from '../helpers/clients/doors.js';
import { expectNoFailure, storedDigest } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { makeImage } from '../helpers/clients/images.js';
import { Layout, tagOf } from '../helpers/clients/layout.js';
import { have, needs } from '../helpers/clients/process.js';
import { seed } from '../helpers/clients/seed.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

/** umoci works on layouts; skopeo carries them, as umoci's own guide has it. */
describe.each(SOME_DOORS.map((door) => [nameOf(door), door] as const))('umoci, %s', (_, door) => {
  const teardown = new Teardown();
  const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
  let registry: OpenRegistry;
  let home: Home;
  let skopeo: Skopeo;

  beforeAll(async () => {
    registry = await openRegistry(teardown, door);
    home = await Home.create(teardown);
    await home.trust(registry);
    skopeo = new Skopeo(home);
    if (door.auth === 'none' || !have('skopeo')) return;
    const user = ['--username', BUILDER.name, '--password-stdin', registry.host];
    await skopeo.feed(BUILDER.password, 'login', ...user);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'umoci', 'skopeo'));

  const umoci = async (...args: readonly string[]): Promise<string> =>
    (await home.succeed('umoci', args)).stdout.trim();
  const at = (name: string): string => `docker://${registry.host}/${name}`;

  /** A layout with an image of two layers. */
  async function create(name: string): Promise<string> {
    const folder = home.path(name);
    await writeFile(home.path('hello'), `hello from ${name}`);
    await umoci('init', '--layout', folder);
    await umoci('new', '--image', `${folder}:1`);
    await umoci('insert', ...rootless, '--image', `${folder}:1`, home.path('hello'), '/etc/hello');
    await umoci('insert', ...rootless, '--image', `${folder}:1`, home.path('hello'), '/etc/again');
    await umoci(
      'config',
      '--image',
      `${folder}:1`,
      '--config.label',
      `name=${name}`,
      '--architecture',
      'amd64',
    );
    return folder;
  }

  it('makes an image that the registry takes and gives back', async () => {
    const folder = await create('made');
    const { digest } = await tagOf(folder, '1');
    await skopeo.run('copy', `oci:${folder}:1`, at('umoci/made:1'));
    expect(await storedDigest(registry, 'umoci/made', '1')).toBe(digest);
    const back = home.path('back');
    await skopeo.run('copy', at('umoci/made:1'), `oci:${back}:1`);
    expect(await umoci('list', '--layout', back)).toBe('1');
    const stat = JSON.parse(await umoci('stat', '--json', '--image', `${back}:1`)) as {
      history: { empty_layer?: boolean }[];
    };
    expect(stat.history.filter(({ empty_layer: empty }) => empty !== true)).toHaveLength(2);
  });

  it('unpacks, changes and packs again an image of the registry', async () => {
    const source = await Layout.create(home.path('source'));
    await seed(registry.store, 'umoci/base', source, await makeImage(source, { seed: 'base' }), ['1']);
    const folder = home.path('changed');
    await skopeo.run('copy', at('umoci/base:1'), `oci:${folder}:1`);
    const bundle = home.path('bundle');
    await umoci('unpack', '--rootless', '--image', `${folder}:1`, bundle);
    expect(await readFile(`${bundle}/rootfs/data/base-0`)).toHaveLength(10);
    await writeFile(`${bundle}/rootfs/added`, 'added');
    await umoci('repack', '--image', `${folder}:2`, bundle);
    await skopeo.run('copy', `oci:${folder}:2`, at('umoci/base:2'));
    expect(await storedDigest(registry, 'umoci/base', '2')).toBe((await tagOf(folder, '2')).digest);
    const { stdout } = await skopeo.run('inspect', at('umoci/base:2'));
    expect((JSON.parse(stdout) as { Layers: string[] }).Layers).toHaveLength(4);
  });

  it('removes a tag and collects; what the registry has stays', async () => {
    const folder = await create('gone');
    await skopeo.run('copy', `oci:${folder}:1`, at('umoci/gone:1'));
    const { digest } = await tagOf(folder, '1');
    await umoci('rm', '--image', `${folder}:1`);
    await umoci('gc', '--layout', folder);
    await skopeo.run('copy', at('umoci/gone:1'), `oci:${folder}:1`);
    expect(await tagOf(folder, '1')).toMatchObject({ digest });
  });

  it('caused no failure inside the registry', () => expectNoFailure(registry));
});
