import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import { fileOf } from '../bundle/fixtures.js';
import { Home } from '../helpers/clients/home.js';
import { needs } from '../helpers/clients/process.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

/** Archives of bundles in the hands of others. */
describe('skopeo and an archive of a bundle', () => {
  const teardown = new Teardown();
  let registry: TestRegistry;
  let home: Home;
  let skopeo: Skopeo;
  let digest: string;

  beforeAll(async () => {
    registry = await startRegistry({
      seed: {
        app: { v1: { files: { hello: 'hello' }, format: 'docker' } },
        multi: { v1: { platforms: ['linux/amd64', 'linux/arm64'], files: { a: 'a' }, compression: 'gzip' } },
      },
    });
    home = await Home.create(teardown);
    skopeo = new Skopeo(home);
    const digestOf = async (name: string): Promise<string> =>
      (await registry.fetch(`/v2/${name}/manifests/v1`)).headers.get('docker-content-digest') ?? '';
    digest = await digestOf('multi');
    const images = [`${registry.host}/app@${await digestOf('app')}`, `${registry.host}/multi@${digest}`];
    await fileOf(
      home.path('bundle/.imgpkg/images.yml'),
      `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n${images.map((image) => `- image: ${image}\n`).join('')}`,
    );
    const env = { HOME: home.folder, XDG_STATE_HOME: home.path('state') };
    await command(['push', '-b', `${registry.host}/bundle:v1`, '-f', home.path('bundle'), '--oci'], { env });
    const copied = await command(
      ['copy', '-b', `${registry.host}/bundle:v1`, '--to-tar', home.path('b.tar')],
      { env },
    );
    expect(copied.written.err).toBe('');
  });
  afterAll(async () => {
    await registry.close();
    await teardown.run();
  });
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  it('an index is found under the name that the bundle has for it', async () => {
    const name = `oci-archive:${home.path('b.tar')}:${registry.host}/multi@${digest}`;
    expect((await skopeo.raw(name)).digest).toBe(digest);
  });

  it('the bundle is found under its tag, as a layout and as Docker has it', async () => {
    const name = `${home.path('b.tar')}:${registry.host}/bundle:v1`;
    const layout = await skopeo.raw(`oci-archive:${name}`);
    expect(layout.document).toMatchObject({ mediaType: 'application/vnd.oci.image.manifest.v1+json' });
    await skopeo.run('inspect', `docker-archive:${name}`);
  });

  it('everything goes out of it with all digests', async () => {
    const folder = home.path('out');
    const name = `${registry.host}/multi@${digest}`;
    await skopeo.run('copy', '--all', `oci-archive:${home.path('b.tar')}:${name}`, `oci:${folder}:x`);
    expect((await skopeo.raw(`oci:${folder}:x`)).digest).toBe(digest);
  });
});
