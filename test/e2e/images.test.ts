import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fixture, site, type Document, type Site } from '../cli/image/site.js';
import { startDaemon } from '../helpers/clients/daemon.js';
import { Home } from '../helpers/clients/home.js';
import { needs, needsMounts } from '../helpers/clients/process.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

/** What `ocilot image` writes others read, and the other way round. */
describe('ocilot image and other tools', () => {
  const teardown = new Teardown();
  let home: Home;
  let skopeo: Skopeo;

  beforeAll(async () => {
    home = await Home.create(teardown);
    skopeo = new Skopeo(home);
    await mkdir(home.path('conf'));
    await writeFile(home.path('conf/app.conf'), 'port=8080\n');
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  /** An image of a tar and a folder, as `append` makes it at a place. */
  async function made(at: Site, ...where: readonly string[]): Promise<void> {
    await at.ok([
      'append',
      '--oci-empty-base',
      '-f',
      fixture('tar/l1.tar'),
      '-f',
      `${home.path('conf')}:/etc/app`,
      '--set-platform',
      'linux/amd64',
      '-e',
      'PORT=8080',
      '--entrypoint',
      '/bin/app',
      '-l',
      'a=b',
      ...where,
    ]);
  }

  /** What skopeo reads of an image. */
  async function configOf(name: string, ...flags: readonly string[]): Promise<Document> {
    return JSON.parse((await skopeo.run('inspect', '--config', ...flags, name)).stdout) as Document;
  }

  const CONFIG = { Env: ['PORT=8080'], Entrypoint: ['/bin/app'], Labels: { a: 'b' } };

  it('skopeo reads what append writes, wherever it goes', async () => {
    const at = await site();
    await made(at, '-t', `${at.host}/app:1`);
    await made(at, '-t', `oci:${home.path('made')}:v1`);
    await made(at, '-t', `oci-archive:${home.path('made.tar')}:v1`);
    await made(at, '-t', 'registry.example/app:1', '-o', home.path('made.docker.tar'));
    const piped = await at.ok(['mutate', `${at.host}/app:1`, '-o', '-']);
    await writeFile(home.path('piped.tar'), piped.bytes);
    const digest = (await at.ok(['digest', `${at.host}/app:1`])).out.trim();
    for (const [name, ...flags] of [
      [`docker://${at.host}/app:1`, '--tls-verify=false'],
      [`oci:${home.path('made')}:v1`],
      [`oci-archive:${home.path('made.tar')}:v1`],
      [`docker-archive:${home.path('made.docker.tar')}:registry.example/app:1`],
      [`docker-archive:${home.path('piped.tar')}`],
    ] as const) {
      expect((await configOf(name, ...flags)).config).toMatchObject(CONFIG);
      await skopeo.run(
        'copy',
        ...(flags.length > 0 ? ['--src-tls-verify=false'] : []),
        name,
        `oci:${home.path('read')}:x`,
      );
    }
    expect((await skopeo.raw(`oci:${home.path('made')}:v1`)).digest).toBe(digest);
  });

  it.each(['tarball', 'legacy', 'oci', 'oci-archive'])(
    'skopeo reads what pull writes: %s',
    async (format) => {
      const at = await site({ seed: { app: { '1': { layers: 2, platform: 'linux/amd64' } } } });
      const path = home.path(`pulled-${format}`);
      await at.ok(['pull', '--format', format, '--annotate-ref', `${at.host}/app:1`, path]);
      const medium =
        { tarball: 'docker-archive', legacy: 'docker-archive', oci: 'oci', 'oci-archive': 'oci-archive' }[
          format
        ] ?? '';
      const { out } = await at.ok(['config', `${at.host}/app:1`]);
      expect((await configOf(`${medium}:${path}`)).rootfs).toEqual((JSON.parse(out) as Document)['rootfs']);
      await skopeo.run('copy', `${medium}:${path}`, `oci:${home.path(`read-${format}`)}:x`);
    },
  );

  it('we read, check, change and push what skopeo writes', async () => {
    const at = await site({
      seed: { app: { '1': { layers: 2, platform: 'linux/amd64', compression: 'gzip' } } },
    });
    const from = ['copy', '--src-tls-verify=false', `docker://${at.host}/app:1`];
    await skopeo.run(...from, `oci:${home.path('theirs')}:v1`);
    await skopeo.run(...from, `oci-archive:${home.path('theirs.tar')}:v1`);
    await skopeo.run(...from, `docker-archive:${home.path('theirs.docker.tar')}:registry.example/app:1`);
    const places = [
      `oci:${home.path('theirs')}:v1`,
      `oci-archive:${home.path('theirs.tar')}:v1`,
      `docker-archive:${home.path('theirs.docker.tar')}`,
    ];
    for (const [n, place] of places.entries()) {
      expect((await at.ok(['validate', place])).out).toBe(`PASS: ${place}\n`);
      await at.ok(['mutate', place, '-l', 'a=b', '-t', `${at.host}/theirs:${n}`]);
      const { config } = await configOf(`docker://${at.host}/theirs:${n}`, '--tls-verify=false');
      expect(config).toMatchObject({ Labels: { a: 'b' } });
      await at.ok(['append', '-b', place, '-f', fixture('tar/l2.tar'), '-t', `${at.host}/more:${n}`]);
    }
    expect((await at.ok(['validate', '--tarball', home.path('theirs.docker.tar')])).code).toBe(0);
  });

  it('umoci unpacks, changes and collects a layout of ours, and we go on with it', async (ctx) => {
    needs(ctx, 'umoci');
    const at = await site();
    await made(at, '-t', `oci:${home.path('umoci')}:v1`);
    const image = ['--image', `${home.path('umoci')}:v1`];
    await home.succeed('umoci', ['unpack', '--rootless', ...image, home.path('bundle')]);
    await home.succeed('umoci', ['config', ...image, '--config.label', 'c=d']);
    await home.succeed('umoci', ['gc', '--layout', home.path('umoci')]);
    const place = `oci:${home.path('umoci')}:v1`;
    expect((await at.ok(['validate', place])).out).toBe(`PASS: ${place}\n`);
    await at.ok(['mutate', place, '--remove-label', 'a']);
    const { out } = await at.ok(['config', place]);
    expect((JSON.parse(out) as Document)['config'].Labels).toEqual({ c: 'd' });
    await home.succeed('umoci', ['stat', ...image]);
    expect((await at.ok(['layout', 'gc', home.path('umoci')])).err).toMatch(/^removed sha256:/);
    await home.succeed('umoci', ['unpack', '--rootless', ...image, home.path('bundle2')]);
  });

  it('podman loads what we write, and we read what it saves', async (ctx) => {
    needsMounts(ctx, 'podman');
    const at = await site();
    await made(at, '-t', 'registry.example/docker:1', '-o', home.path('load.docker.tar'));
    const piped = await at.ok([
      'append',
      '--oci-empty-base',
      '-f',
      fixture('tar/l1.tar'),
      '-t',
      'registry.example/piped:1',
      '-o',
      '-',
    ]);
    await home.succeed('podman', ['load', '--quiet', '--input', home.path('load.docker.tar')]);
    await home.succeed('podman', ['load', '--quiet'], { input: piped.bytes });
    await home.succeed('podman', ['image', 'exists', 'registry.example/piped:1']);
    for (const format of ['docker-archive', 'oci-archive']) {
      const path = home.path(`podman.${format}.tar`);
      await home.succeed('podman', [
        'save',
        '--quiet',
        '--format',
        format,
        '--output',
        path,
        'registry.example/docker:1',
      ]);
      expect((await at.ok(['validate', '--tarball', path])).out).toBe(`PASS: ${path}\n`);
      await at.ok(['push', path, `${at.host}/podman:${format}`]);
    }
  });

  it('a daemon is a place as any other', async (ctx) => {
    needsMounts(ctx, 'podman');
    const at = await site();
    const socket = home.path('run/images.sock');
    await mkdir(home.path('run'), { recursive: true });
    const service = ['--log-level=info', 'system', 'service', '--time=0', `unix://${socket}`];
    await startDaemon(home, teardown, 'podman', service, { ready: /API service listening on/ });
    const env = { DOCKER_HOST: `unix://${socket}` };
    await made(at, '-t', `${at.host}/app:1`);
    await at.ok(['copy', `${at.host}/app:1`, 'docker-daemon:registry.example/app:1'], { env });
    await at.ok(['mutate', 'docker-daemon:registry.example/app:1', '-l', 'c=d', '-t', `${at.host}/app:2`], {
      env,
    });
    const { out } = await at.ok(['config', `${at.host}/app:2`]);
    expect((JSON.parse(out) as Document)['config'].Labels).toEqual({ a: 'b', c: 'd' });
  });

  it('buildah makes containers of what we write', async (ctx) => {
    needsMounts(ctx, 'buildah');
    const at = await site();
    await made(at, '-t', `oci:${home.path('for-buildah')}:v1`);
    await made(at, '-t', 'registry.example/app:1', '-o', home.path('for-buildah.tar'));
    // By names in its home folder: it takes no capitals in a path.
    for (const from of ['oci:for-buildah:v1', 'docker-archive:for-buildah.tar:registry.example/app:1']) {
      const { stdout } = await home.succeed('buildah', ['from', from]);
      await home.succeed('buildah', ['commit', '--quiet', stdout.trim(), `oci:from-buildah:v1`]);
      await home.succeed('buildah', ['rm', stdout.trim()]);
      const place = `oci:${home.path('from-buildah')}:v1`;
      expect((await at.ok(['validate', place])).out).toBe(`PASS: ${place}\n`);
    }
  });
});
