import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MEDIA_TYPES, digestOf, type Descriptor } from '../../oci/index.js';
import { Containerd } from '../helpers/clients/containerd.js';
import {
  BUILDER,
  READER,
  SOME_DOORS,
  nameOf,
  openRegistry,
  type OpenRegistry,
  type User,
} from '../helpers/clients/doors.js';
import { expectNoFailure, storedDigest } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { makeArtifact, makeImage, makeMultiArch } from '../helpers/clients/images.js';
import { Layout } from '../helpers/clients/layout.js';
import { have, mayMount, needsMounts } from '../helpers/clients/process.js';
import { seed } from '../helpers/clients/seed.js';
import { Teardown } from '../helpers/clients/teardown.js';

const MIB = 1024 * 1024;
const REFUSED = /unauthorized|authorization failed|denied|401|403|insufficient_scope/i;

describe.each(SOME_DOORS.map((door) => [nameOf(door), door] as const))('containerd, %s', (_, door) => {
  const teardown = new Teardown();
  const closed = door.auth !== 'none';
  let registry: OpenRegistry;
  let home: Home;
  let containerd: Containerd;
  let layout: Layout;
  let image: Descriptor;
  let multi: Descriptor;

  beforeAll(async () => {
    registry = await openRegistry(teardown, door);
    home = await Home.create(teardown);
    await home.trust({ ...registry, mirrorOf: ['registry.example'] });
    layout = await Layout.create(home.path('layout'));
    image = await makeImage(layout, { seed: 'image' });
    multi = await makeMultiArch(layout, 'multi');
    await seed(registry.store, 'team/seeded', layout, image, ['1.0']);
    await seed(registry.store, 'team/seeded', layout, multi, ['multi']);
    if (have('containerd') && mayMount()) containerd = await Containerd.start(home, teardown);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needsMounts(ctx, 'containerd'));

  const at = (name: string): string => `${registry.host}/${name}`;
  const as = ({ name, password }: User): string[] => ['--user', `${name}:${password}`];
  const creds = closed ? as(BUILDER) : [];
  const hosts = (): string[] => ['--hosts-dir', home.hostsFolder];
  const pull = (name: string, ...flags: readonly string[]): Promise<unknown> =>
    containerd.ctr('images', 'pull', '--snapshotter', 'native', ...hosts(), ...creds, ...flags, name);
  const push = (name: string, local: string, ...flags: readonly string[]): Promise<unknown> =>
    containerd.ctr('images', 'push', ...hosts(), ...creds, ...flags, name, local);

  it('pulls an image, unpacks it and lists it', async () => {
    await pull(at('team/seeded:1.0'));
    expect(await containerd.digestOf(at('team/seeded:1.0'))).toBe(image.digest);
    const { stdout } = await containerd.ctr('images', 'check', '--snapshotter', 'native');
    expect(stdout).toMatch(/team\/seeded:1\.0 .* complete \(4\/4\) .* true/);
  });

  it('pulls by digest', async () => {
    await pull(at(`team/seeded@${image.digest}`));
    expect(await containerd.digestOf(at(`team/seeded@${image.digest}`))).toBe(image.digest);
  });

  it('pushes what it pulled, and what is there already again', async () => {
    await pull(at('team/seeded:1.0'));
    await push(at('copies/pushed:1.0'), at('team/seeded:1.0'));
    expect(await storedDigest(registry, 'copies/pushed', '1.0')).toBe(image.digest);
    await push(at('copies/pushed:1.0'), at('team/seeded:1.0'));
    await push(at('copies/pushed:1.1'), at('team/seeded:1.0'));
    expect(await storedDigest(registry, 'copies/pushed', '1.1')).toBe(image.digest);
  });

  it('pulls and pushes every platform of an index', async () => {
    await pull(at('team/seeded:multi'), '--all-platforms');
    await push(at('copies/index:1.0'), at('team/seeded:multi'));
    expect(await storedDigest(registry, 'copies/index', '1.0')).toBe(multi.digest);
  });

  it('imports an archive and pushes it: nothing of it was in the registry', async () => {
    const local = await Layout.create(home.path('import'));
    const made = await makeImage(local, {
      seed: `import ${nameOf(door)}`,
      tag: 'new',
      layers: [600_000, 20],
    });
    await home.succeed('tar', ['-cf', home.path('import.tar'), '-C', local.folder, '.']);
    await containerd.ctr(
      'images',
      'import',
      '--no-unpack',
      '--base-name',
      at('made'),
      home.path('import.tar'),
    );
    await push(at('made/here:1.0'), at('made:new'));
    expect(await storedDigest(registry, 'made/here', '1.0')).toBe(made.digest);
  });

  it('fetches content without unpacking it, and single objects', async () => {
    await containerd.ctr('content', 'fetch', ...hosts(), ...creds, at('team/seeded:1.0'));
    const { stdout } = await containerd.ctr('content', 'get', image.digest);
    expect(JSON.parse(stdout)).toMatchObject({ mediaType: MEDIA_TYPES.ociManifest });
    const name = at('team/seeded:multi');
    const object = await containerd.ctr('content', 'fetch-object', ...hosts(), ...creds, name);
    expect(digestOf(object.stdout)).toBe(multi.digest);
  });

  it('pulls by the name of a registry that this one mirrors, and says which', async () => {
    const flags = ['--snapshotter', 'native', '--http-dump', ...hosts(), ...creds];
    const name = 'registry.example/team/seeded:1.0';
    const { stdout, stderr } = await containerd.ctr('images', 'pull', ...flags, name);
    expect(stdout + stderr).toMatch(/oci-namespace: registry\.example/i);
    expect(await containerd.digestOf('registry.example/team/seeded:1.0')).toBe(image.digest);
  });

  if (closed) {
    it('is refused without credentials, unless everybody may pull', async () => {
      const pulling = ['images', 'pull', '--snapshotter', 'native', ...hosts(), at('team/seeded:other')];
      await seed(registry.store, 'team/seeded', layout, await makeImage(layout, { seed: 'other' }), [
        'other',
      ]);
      if (door.auth === 'anonymous') await containerd.ctr(...pulling);
      else await containerd.ctrFails(REFUSED, ...pulling);
    });

    it('is refused a push as a reader, and with a wrong password', async () => {
      await pull(at('team/seeded:1.0'));
      for (const user of [READER, { ...BUILDER, password: 'wrong' }]) {
        const pushing = ['images', 'push', ...hosts(), ...as(user)];
        await containerd.ctrFails(REFUSED, ...pushing, at('team/refused:1.0'), at('team/seeded:1.0'));
      }
      expect(await storedDigest(registry, 'team/refused', '1.0')).toBeUndefined();
    });
  } else {
    it('pulls and pushes with its flags alone', async () => {
      await containerd.ctr(
        'images',
        'pull',
        '--plain-http',
        '--snapshotter',
        'native',
        at('team/seeded:1.0'),
      );
      await containerd.ctr('images', 'push', '--plain-http', at('flags:1'), at('team/seeded:1.0'));
      expect(await storedDigest(registry, 'flags', '1')).toBe(image.digest);
    });

    it('pulls and pushes a layer of 70 MiB', async () => {
      const options = { seed: 'large', layers: [70 * MIB], compression: 'stored' } as const;
      const large = await makeImage(layout, options);
      await seed(registry.store, 'large/in', layout, large, ['1']);
      await pull(at('large/in:1'));
      const other = await openRegistry(teardown, door);
      await home.trust(other);
      await push(`${other.host}/large/out:1`, at('large/in:1'));
      expect(await storedDigest(other, 'large/out', '1')).toBe(large.digest);
      expectNoFailure(other);
    });

    it('fetches an artifact with a subject', async () => {
      const artifact = await makeArtifact(layout, image);
      await seed(registry.store, 'team/seeded', layout, artifact, ['report']);
      await containerd.ctr('content', 'fetch', ...hosts(), at('team/seeded:report'));
      const { stdout } = await containerd.ctr('content', 'get', artifact.digest);
      expect(JSON.parse(stdout)).toMatchObject({ subject: { digest: image.digest } });
    });
  }

  it('caused no failure inside the registry', () => expectNoFailure(registry));
});
