import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import type { FakeContext } from '../cli/context.js';
import { tempFolder } from '../helpers/temp.js';
import { fileOf } from './fixtures.js';

const WHO = { users: { alice: 'wonderland' } };
const MIB = 1 << 20;
const SIZE = 8 * MIB;

async function ocilot(line: string): Promise<FakeContext> {
  const home = await tempFolder();
  const done = await command(line.split(' '), {
    env: {
      HOME: home,
      XDG_STATE_HOME: join(home, 'state'),
      IMGPKG_USERNAME: 'alice',
      IMGPKG_PASSWORD: 'wonderland',
    },
  });
  expect(done.exitCode, done.written.err).toBe(0);
  return done;
}

/** Pushes a bundle of the image `app:1`, to `bundle:1`. */
async function pushBundle({ host }: TestRegistry): Promise<void> {
  const folder = await tempFolder();
  const image = (await ocilot(`tag resolve -i ${host}/app:1`)).written.out;
  await fileOf(
    join(folder, '.imgpkg/images.yml'),
    `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n- image: ${image}\n`,
  );
  await ocilot(`push -b ${host}/bundle:1 -f ${folder}`);
}

/** Bytes of blobs that went either way. */
const moved = ({ requests }: TestRegistry): number =>
  requests
    .filter(({ path }) => path.includes('/blobs/'))
    .reduce((sum, { received, sent }) => sum + received + sent, 0);

describe('what is given for a command', () => {
  it('goes to the registries that it names, and to none that only a bundle names (weakness 17)', async () => {
    const site = { ...WHO, auth: 'basic', seed: { app: { 1: { files: { a: 'a' } } } } } as const;
    await using registry = await startRegistry(site);
    await using other = await startRegistry(site);
    const folder = await tempFolder();
    const image = (await ocilot(`tag resolve -i ${other.host}/app:1`)).written.out;
    await fileOf(
      join(folder, '.imgpkg/images.yml'),
      `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n- image: ${image}\n`,
    );
    await ocilot(`push -b ${registry.host}/bundle:1 -f ${folder}`);
    const env = { HOME: folder, IMGPKG_USERNAME: 'alice', IMGPKG_PASSWORD: 'wonderland' };
    for (const verb of [`copy --to-repo ${registry.host}/to`, `pull -o ${join(folder, 'out')}`, 'describe']) {
      other.requests.clear();
      // oxlint-disable-next-line no-await-in-loop -- the log is looked at after each
      const done = await command([...verb.split(' '), '-b', `${registry.host}/bundle:1`], { env });
      if (!verb.startsWith('pull')) expect(done.exitCode).toBe(1);
      expect(other.requests.count(({ headers }) => headers.authorization !== undefined)).toBe(0);
    }
    // Named, it is asked with them: on the line, or by a variable of its own.
    await fileOf(
      join(folder, 'lock.yml'),
      `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n- image: ${image}\n`,
    );
    await ocilot(`copy --lock ${join(folder, 'lock.yml')} --to-repo ${registry.host}/to`);
    const own = {
      IMGPKG_REGISTRY_HOSTNAME_0: other.host,
      IMGPKG_REGISTRY_USERNAME_0: 'alice',
      IMGPKG_REGISTRY_PASSWORD_0: 'wonderland',
    };
    const done = await command(
      ['copy', '-b', `${registry.host}/bundle:1`, '--to-repo', `${registry.host}/all`],
      { env: { ...env, ...own } },
    );
    expect(done.exitCode, done.written.err).toBe(0);
  });
});

describe('a bundle of one image, copied within a registry from the command line', () => {
  it.each(['none', 'basic', 'bearer'] as const)(
    'takes at most 15 requests, and where access is %s one that is asked who it is from (weakness 7: imgpkg takes 47)',
    async (auth) => {
      await using registry = await startRegistry({
        ...(auth === 'none' ? {} : { ...WHO, auth }),
        seed: { app: { 1: { files: { a: 'a' } } } },
      });
      await pushBundle(registry);
      registry.requests.clear();
      await ocilot(`copy -b ${registry.host}/bundle:1 --to-repo ${registry.host}/dst`);
      // Tokens are bought elsewhere.
      const asked = registry.requests.filter(({ path }) => path.startsWith('/v2/'));
      const log = asked.map(({ method, path, status }) => `${status} ${method} ${path}`).join('\n');
      const refused = asked.filter(({ status }) => status === 401).length;
      expect(refused, log).toBe(auth === 'none' ? 0 : 1);
      expect(asked.length - refused, log).toBeLessThanOrEqual(15);
    },
  );

  it('goes out of an archive into the registry that it is from, and back, without its layers', async () => {
    await using registry = await startRegistry({ seed: { app: { 1: { layers: 1, layerSize: MIB } } } });
    await pushBundle(registry);
    const folder = await tempFolder();
    for (const format of ['oci', 'imgpkg']) {
      const tar = join(folder, `${format}.tar`);
      await ocilot(`copy -b ${registry.host}/bundle:1 --to-tar ${tar} --tar-format ${format}`);
      registry.requests.clear();
      await ocilot(`copy --tar ${tar} --to-repo ${registry.host}/${format}`);
      expect(moved(registry)).toBeLessThan(8 * 1024);
    }
  });

  it('moves no bytes of its layers, nor those of indexes', async () => {
    await using registry = await startRegistry({
      seed: { app: { 1: { platforms: ['linux/amd64', 'linux/arm64'], layers: 2, layerSize: SIZE } } },
    });
    await pushBundle(registry);
    registry.requests.clear();
    await ocilot(`copy -b ${registry.host}/bundle:1 --to-repo ${registry.host}/dst`);
    expect(moved(registry)).toBeLessThan(16 * 1024);
    // All of it is there all the same.
    registry.requests.clear();
    await ocilot(`copy -b ${registry.host}/dst:1 --to-tar ${join(await tempFolder(), 'a.tar')}`);
    expect(moved(registry)).toBeGreaterThan(4 * SIZE);
  });
});
