import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { serve } from '../cli/run.js';
import { Home } from '../helpers/clients/home.js';
import { tagOf } from '../helpers/clients/layout.js';
import { needs } from '../helpers/clients/process.js';
import { Skopeo } from '../helpers/clients/skopeo.js';
import { Teardown } from '../helpers/clients/teardown.js';

const TWO = ['linux/amd64', 'linux/arm64'];

describe('skopeo and a recording', () => {
  const teardown = new Teardown();
  let upstream: TestRegistry;
  let home: Home;
  let skopeo: Skopeo;

  beforeAll(async () => {
    upstream = await startRegistry({
      users: { bob: 'secret' },
      auth: 'bearer',
      seed: {
        'team/app': {
          '1.0': { layers: 3, layerSize: 300_000, random: 'recording' },
          multi: { platforms: TWO, files: { '/etc/motd': 'hello' } },
        },
      },
    });
    teardown.add(() => upstream.close());
    home = await Home.create(teardown);
    skopeo = new Skopeo(home);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'skopeo'));

  it('pulls the same twice, the second time with nobody there', async () => {
    const folder = home.path('recorded');
    const pull = async (host: string, to: string): Promise<string> => {
      for (const tag of ['1.0', 'multi']) {
        const image = `docker://${host}/team/app:${tag}`;
        await skopeo.run('copy', '--src-tls-verify=false', image, `oci:${home.path(to)}:${tag}`);
      }
      const repository = `docker://${host}/team/app`;
      const { stdout } = await skopeo.run('list-tags', '--tls-verify=false', repository);
      expect(JSON.parse(stdout)).toMatchObject({ Tags: ['1.0', 'multi'] });
      return await readFile(home.path(to, 'index.json'), 'utf8');
    };
    const env = { DOCKER_CONFIG: upstream.dockerConfigDir };
    const recorder = await serve(['--record', upstream.url, '--recording', folder], { env });
    const first = await pull(new URL(recorder.url).host, 'first');
    const served = upstream.requests.count({ operation: 'blob.get' });
    expect(await pull(new URL(recorder.url).host, 'again')).toBe(first);
    expect(upstream.requests.count({ operation: 'blob.get' })).toBe(served);
    expect((await recorder.stop()).code).toBe(0);
    await upstream.close();

    const player = await serve(['--replay', folder]);
    const { host } = new URL(player.url);
    expect(await pull(host, 'second')).toBe(first);
    // Of the index one platform was pulled, and the other was not.
    const missing = ['copy', '--all', '--src-tls-verify=false', `docker://${host}/team/app:multi`];
    await skopeo.fails(/is not in the recording/, ...missing, `oci:${home.path('all')}:multi`);
    expect((await player.stop()).code).toBe(0);

    // What came whole, any tool can read.
    await skopeo.run('copy', `oci:${folder}:team/app:1.0`, `oci:${home.path('third')}:1.0`);
    expect((await tagOf(home.path('third'))).digest).toBe((await tagOf(home.path('first'), '1.0')).digest);
  });
});
