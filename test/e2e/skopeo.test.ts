import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MEDIA_TYPES, referrersTag, type Descriptor } from '../../oci/index.js';
import { openRegistry, type OpenRegistry } from '../helpers/clients/doors.js';
import { expectNoFailure, storedDigest } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { makeArtifact, makeImage, makeMultiArch } from '../helpers/clients/images.js';
import { Layout, tagOf } from '../helpers/clients/layout.js';
import { needs } from '../helpers/clients/process.js';
import { seed } from '../helpers/clients/seed.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

const MIB = 1024 * 1024;

describe('skopeo and every kind of content', () => {
  const teardown = new Teardown();
  let registry: OpenRegistry;
  let home: Home;
  let skopeo: Skopeo;
  let layout: Layout;
  let image: Descriptor;

  beforeAll(async () => {
    registry = await openRegistry(teardown, { auth: 'none', scheme: 'http' });
    home = await Home.create(teardown);
    await home.trust({ ...registry, mirrorOf: ['registry.example'] });
    skopeo = new Skopeo(home);
    layout = await Layout.create(home.path('layout'));
    image = await makeImage(layout, { seed: 'image', tag: 'image' });
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  const at = (name: string): string => `docker://${registry.host}/${name}`;
  const stored = (repo: string, tag: string): Promise<string | undefined> =>
    storedDigest(registry, repo, tag);

  /** Pushes from the layout, pulls to a new one, and returns what arrived there. */
  async function thereAndBack(tag: string): Promise<Descriptor> {
    await skopeo.run('copy', `oci:${layout.folder}:${tag}`, at(`kinds/${tag}:1`));
    const folder = home.path('back', tag);
    await mkdir(folder, { recursive: true });
    await skopeo.run('copy', at(`kinds/${tag}:1`), `oci:${folder}:${tag}`);
    return await tagOf(folder, tag);
  }

  it('pushes and pulls with its flags alone', async () => {
    const open = {
      HOME: home.path('nothing-here'),
      REGISTRY_AUTH_FILE: home.path('run/containers/auth.json'),
    };
    const policy = ['--insecure-policy'];
    await home.succeed(
      'skopeo',
      [...policy, 'copy', '--dest-tls-verify=false', `oci:${layout.folder}:image`, at('flags:1')],
      { env: open },
    );
    await home.succeed(
      'skopeo',
      [...policy, 'copy', '--src-tls-verify=false', at('flags:1'), `dir:${home.path('flags')}`],
      { env: open },
    );
    expect(await stored('flags', '1')).toBe(image.digest);
  });

  it('converts to and from Docker schema 2', async () => {
    await skopeo.run('copy', '--format', 'v2s2', `oci:${layout.folder}:image`, at('docker:1'));
    const { digest, document } = await skopeo.raw(at('docker:1'));
    expect(document).toMatchObject({ mediaType: MEDIA_TYPES.dockerManifest });
    expect(await stored('docker', '1')).toBe(digest);
    await skopeo.run('copy', '--preserve-digests', at('docker:1'), at('docker:2'));
    expect(await stored('docker', '2')).toBe(digest);
    await skopeo.run('copy', '--format', 'oci', at('docker:1'), at('docker:oci'));
    expect((await skopeo.raw(at('docker:oci'))).document).toMatchObject({
      config: { mediaType: MEDIA_TYPES.ociConfig },
    });
  });

  it('converts an index to a Docker manifest list', async () => {
    await makeMultiArch(layout, 'list');
    await skopeo.run('copy', '--all', '--format', 'v2s2', `oci:${layout.folder}:list`, at('docker:list'));
    const { document } = await skopeo.raw(at('docker:list'));
    expect(document).toMatchObject({
      mediaType: MEDIA_TYPES.dockerManifestList,
      manifests: [
        { mediaType: MEDIA_TYPES.dockerManifest, platform: { architecture: 'amd64' } },
        { mediaType: MEDIA_TYPES.dockerManifest, platform: { architecture: 'arm64' } },
      ],
    });
  });

  it('pulls the one image of an index for a platform it asks for', async () => {
    const index = await makeMultiArch(layout, 'platforms');
    await seed(registry.store, 'platforms', layout, index, ['1']);
    for (const architecture of ['amd64', 'arm64']) {
      const { stdout } = await skopeo.run('--override-arch', architecture, 'inspect', at('platforms:1'));
      expect(JSON.parse(stdout)).toMatchObject({
        Architecture: architecture,
        Labels: { seed: `platforms-${architecture}` },
      });
    }
  });

  it('is told why schema 1 is not taken', async () => {
    await skopeo.fails(/schema ?1/i, 'copy', '--format', 'v2s1', `oci:${layout.folder}:image`, at('old:1'));
    expect(await stored('old', '1')).toBeUndefined();
  });

  it('pushes and pulls layers in zstd', async () => {
    const folder = home.path('zstd');
    await skopeo.run(
      'copy',
      '--dest-compress-format',
      'zstd',
      `oci:${layout.folder}:image`,
      `oci:${folder}:z`,
    );
    const { digest } = await tagOf(folder, 'z');
    await skopeo.run('copy', `oci:${folder}:z`, at('zstd:1'));
    expect(await stored('zstd', '1')).toBe(digest);
    expect((await skopeo.raw(at('zstd:1'))).document).toMatchObject({
      layers: [1, 2, 3].map(() => ({ mediaType: MEDIA_TYPES.ociLayerZstd })),
    });
    await skopeo.run('copy', at('zstd:1'), `oci:${home.path('zstd-back')}:z`);
    expect(await tagOf(home.path('zstd-back'), 'z')).toMatchObject({ digest });
  });

  it('pushes and pulls layers that are not compressed', async () => {
    const plain = await makeImage(layout, { seed: 'plain', tag: 'plain', compression: 'none' });
    await skopeo.run('copy', '--preserve-digests', `oci:${layout.folder}:plain`, at('plain:1'));
    expect(await stored('plain', '1')).toBe(plain.digest);
    const flag = '--dest-oci-accept-uncompressed-layers';
    await skopeo.run('copy', flag, at('plain:1'), `oci:${home.path('plain')}:1`);
    expect(await tagOf(home.path('plain'), '1')).toMatchObject({ digest: plain.digest });
  });

  it('pushes and pulls a layer of 70 MiB', async () => {
    const options = { seed: 'large', tag: 'large', layers: [70 * MIB, 10], compression: 'stored' } as const;
    const large = await makeImage(layout, options);
    expect(await thereAndBack('large')).toMatchObject({ digest: large.digest });
  });

  it('pushes and pulls an image of many layers', async () => {
    const many = await makeImage(layout, {
      seed: 'many',
      tag: 'many',
      layers: Array.from({ length: 60 }, (_, index) => 1000 + index),
    });
    expect(await thereAndBack('many')).toMatchObject({ digest: many.digest });
  });

  it('pushes and pulls an index in an index', async () => {
    const inner = await makeMultiArch(layout, 'inner');
    const outer = await layout.index(
      [{ image: inner, platform: { os: 'linux', architecture: 'amd64' } }],
      'outer',
    );
    await seed(registry.store, 'nested', layout, outer, ['1']);
    expect((await skopeo.raw(at('nested:1'))).digest).toBe(outer.digest);
    expect((await skopeo.raw(at(`nested@${inner.digest}`))).digest).toBe(inner.digest);
  });

  it('pushes an artifact with a subject, which the subject then knows', async () => {
    const artifact = await makeArtifact(layout, image, 'artifact');
    await skopeo.run('copy', `oci:${layout.folder}:image`, at('subject:1'));
    await skopeo.run('copy', '--preserve-digests', `oci:${layout.folder}:artifact`, at('subject:report'));
    expect(await stored('subject', 'report')).toBe(artifact.digest);
    const answer = await fetch(`${registry.url}/v2/subject/referrers/${image.digest}`);
    expect(await answer.json()).toMatchObject({
      manifests: [{ digest: artifact.digest, artifactType: 'application/vnd.example.report' }],
    });
    expect(await skopeo.tags(`${registry.host}/subject`)).not.toContain(referrersTag(image.digest));
  });

  it('pulls by the name of a registry that this one mirrors', async () => {
    await seed(registry.store, 'team/app', layout, image, ['1.0']);
    const folder = home.path('mirrored');
    await skopeo.run('copy', 'docker://registry.example/team/app:1.0', `oci:${folder}:1.0`);
    expect(await tagOf(folder)).toMatchObject({ digest: image.digest });
  });

  it.for(['auto', 'leveldb'] as const)('finds all of it after a restart, on storage %s', async (kind) => {
    const large = await makeImage(layout, {
      seed: kind,
      tag: kind,
      layers: [3 * MIB, 10],
      compression: 'stored',
    });
    const storage = { kind, folder: home.path('data', kind) };
    const door = { auth: 'none', scheme: 'http' } as const;
    const before = await openRegistry(teardown, door, { storage });
    await home.trust(before);
    await skopeo.run('copy', `oci:${layout.folder}:${kind}`, `docker://${before.host}/kept:1`);
    await before.close();

    const after = await openRegistry(teardown, door, { storage });
    await home.trust(after);
    await skopeo.run('copy', `docker://${after.host}/kept:1`, `oci:${home.path(kind)}:1`);
    expect(await tagOf(home.path(kind))).toMatchObject({ digest: large.digest });
    expectNoFailure(after);
  });

  it('takes names that look like parts of the API', async () => {
    const name = 'deep/er/blobs/uploads/manifests/tags/list';
    await skopeo.run('copy', `oci:${layout.folder}:image`, at(`${name}:latest`));
    expect(await skopeo.tags(`${registry.host}/${name}`)).toEqual(['latest']);
    expect((await skopeo.raw(at(`${name}:latest`))).digest).toBe(image.digest);
  });

  it('syncs what a file names, with a pattern for tags', async () => {
    await seed(registry.store, 'apps/one', layout, image, ['1.0', '1.1', '2.0']);
    const wanted = JSON.stringify({
      [registry.host]: { 'tls-verify': false, 'images-by-tag-regex': { 'apps/one': '^1[.]' } },
    });
    const file = home.path('sync.yml');
    await home.succeed('tee', [file], { input: wanted });
    await skopeo.run('sync', '--src', 'yaml', '--dest', 'docker', file, `${registry.host}/copies`);
    expect(await skopeo.tags(`${registry.host}/copies/one`)).toEqual(['1.0', '1.1']);
  });

  it('pushes from eight processes at once: one tag each and one for all', async () => {
    const images = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        makeImage(layout, { seed: `crowd-${index}`, layers: [50_000] }),
      ),
    );
    const index = await layout.index(
      images.map((child) => ({ image: child, platform: { os: 'linux', architecture: 'amd64' } })),
      'crowd',
    );
    await seed(registry.store, 'crowd/source', layout, index);
    await Promise.all(
      images.flatMap(({ digest }, number) => [
        skopeo.run('copy', at(`crowd/source@${digest}`), at(`crowd/target:${number}`)),
        skopeo.run('copy', at(`crowd/source@${digest}`), at('crowd/target:all')),
      ]),
    );
    const tags = await Promise.all(images.map((_, number) => stored('crowd/target', String(number))));
    expect(tags).toEqual(images.map(({ digest }) => digest));
    expect(images.map(({ digest }) => digest)).toContain(await stored('crowd/target', 'all'));
  });

  it('caused no failure inside the registry', () => expectNoFailure(registry));
});
