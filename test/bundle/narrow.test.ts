import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { remoteSink } from '../../client/remote/sink.js';
import { gatherArchive } from '../../bundle/archive/read.js';
import { writeImgpkgTar } from '../../bundle/archive/write-imgpkg.js';
import { writeLayoutTar } from '../../bundle/archive/write-layout.js';
import { narrowSet } from '../../bundle/copy/narrow.js';
import { gatherBundle, gatherImagesLock } from '../../bundle/copy/set.js';
import { copyToRepository } from '../../bundle/copy/to-repository.js';
import { parseWanted, signatureTag } from '../../bundle/names.js';
import { Places } from '../../bundle/places.js';
import { pullBundle } from '../../bundle/pull/pull.js';
import { pushBundle } from '../../bundle/push/push.js';
import { openVerifiedArchive } from '../../image/archive/index.js';
import { parsePlatform, type Digest } from '../../oci/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, fileOf, HOST, reach, seedGolden } from './fixtures.js';

const AMD = parsePlatform('linux/amd64');
const ARM = parsePlatform('linux/arm64');

const at = (registry: TestRegistry, repository: string) => reach(registry)({ registry: HOST, repository });

/** A registry with the bundle `outer`, which lists the bundle `inner`, which lists an index of three platforms and an image. */
async function nested(): Promise<{ registry: TestRegistry; index: Digest; one: Digest }> {
  const registry = await startRegistry({
    socket: false,
    seed: {
      app: { 1: { platforms: ['linux/amd64', 'linux/arm64', 'windows/amd64'] } },
      one: { 1: { files: { a: 'a' } } },
    },
  });
  const resolved = async (name: string): Promise<Digest> =>
    (await at(registry, name).resolve('1'))?.digest ?? DIGESTS.app;
  const push = async (name: string, images: readonly string[]): Promise<void> => {
    const folder = await tempFolder();
    const list = images.map((image) => `- image: ${image}\n  annotations: {of: ${name}}\n`).join('');
    await fileOf(
      join(folder, '.imgpkg/images.yml'),
      `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n${list}`,
    );
    await fileOf(join(folder, 'run.sh'), name, 0o755);
    await pushBundle(remoteSink(at(registry, name)), '1', { files: [folder], labels: { team: 'x' } });
  };
  const [index, one] = [await resolved('app'), await resolved('one')];
  await push('inner', [`${HOST}/app@${index}`, `${HOST}/one@${one}`]);
  await push('outer', [`${HOST}/inner@${await resolved('inner')}`, `${HOST}/one@${one}`]);
  return { registry, index, one };
}

const gather = (registry: TestRegistry, name = 'outer') =>
  gatherBundle(new Places(reach(registry)), parseWanted(`${HOST}/${name}:1`));

describe('a bundle of one platform', () => {
  it('lists what is left at every depth, and everything that it lists is there', async () => {
    const { registry, index, one } = await nested();
    await using _ = registry;
    const whole = await gather(registry);
    const { set, indexes, bundles, close } = await narrowSet(whole, [AMD]);
    expect([indexes, bundles, set.items.length]).toEqual([1, 2, 4]);
    expect(set.items.map(({ descriptor }) => descriptor.digest)).not.toContain(index);
    expect(set.root?.descriptor.digest).not.toBe(whole.root?.descriptor.digest);
    const repository = at(registry, 'dst');
    await copyToRepository(set, { repository, sink: remoteSink(repository) });
    await close();
    const folder = join(await tempFolder(), 'out');
    const pulled = await pullBundle(new Places(reach(registry)), parseWanted(`${HOST}/dst:1`), folder, {
      recursive: true,
    });
    expect([pulled.relocated, pulled.nested.map(({ relocated }) => relocated)]).toEqual([true, [true]]);
    expect(await readFile(join(folder, 'run.sh'), 'utf8')).toBe('outer');
    const lock = await readFile(join(folder, '.imgpkg/images.yml'), 'utf8');
    expect(lock).toContain(`image: ${HOST}/dst@${one}`);
    expect(lock).toContain('of: outer');
  });

  it('has the same digest each time, and what was not cut stays as it is', async () => {
    const { registry } = await nested();
    await using _ = registry;
    const digests = async (platforms: readonly (typeof AMD)[]): Promise<readonly string[]> => {
      const { set, close } = await narrowSet(await gather(registry), platforms);
      await close();
      return set.items.map(({ descriptor }) => descriptor.digest);
    };
    expect(await digests([AMD, ARM])).toEqual(await digests([AMD, ARM]));
    const whole = await gather(registry);
    const windows = parsePlatform('windows/amd64');
    expect(await digests([AMD, ARM, windows])).toEqual(
      whole.items.map(({ descriptor }) => descriptor.digest),
    );
  });

  it.each([
    ['layout', writeLayoutTar],
    ['imgpkg', writeImgpkgTar],
  ] as const)('of two platforms goes through an archive: %s', async (_name, write) => {
    const { registry, index } = await nested();
    await using _ = registry;
    const path = join(await tempFolder(), 'a.tar');
    const { set, close } = await narrowSet(await gather(registry), [AMD, ARM]);
    await write(set, path);
    await close();
    const { source } = await openVerifiedArchive(path);
    const loaded = await gatherArchive(source);
    expect(loaded.root?.descriptor.digest).toBe(set.root?.descriptor.digest);
    expect(loaded.items.map(({ descriptor }) => descriptor.digest)).not.toContain(index);
    await source.close();
  });

  it('names the image that has nothing for the platform', async () => {
    const { registry, index } = await nested();
    await using _ = registry;
    await expect(narrowSet(await gather(registry), [parsePlatform('linux/s390x')])).rejects.toThrow(
      new RegExp(
        `^${HOST}/app@${index}: .* has nothing for linux/s390x; it names linux/amd64, linux/arm64, windows`,
      ),
    );
  });

  it('a list of images names what is left', async () => {
    const { registry, index, one } = await nested();
    await using _ = registry;
    const images = [index, one].map((digest, n) => ({
      image: `${HOST}/${n === 0 ? 'app' : 'one'}@${digest}`,
    }));
    const whole = await gatherImagesLock(new Places(reach(registry)), { images });
    const { set } = await narrowSet(whole, [ARM]);
    const child = set.items.find(({ reference }) => reference.includes('/app@'))?.reference;
    expect(set.lock).toEqual({ images: [{ image: child }, images[1]] });
  });

  it('leaves signatures behind of what is not carried', async () => {
    const { registry, index, one } = await nested();
    await using _ = registry;
    const whole = await gather(registry);
    const signature = whole.items.find(({ descriptor }) => descriptor.digest === one);
    if (signature === undefined) throw new Error('the image is not there');
    // Two signatures, which are images as any other.
    const signed = [index, one].map((digest, n) => {
      const own = `sha256:${String(n).repeat(64)}` as Digest;
      const descriptor = { ...signature.descriptor, digest: own };
      return { ...signature, descriptor, reference: `${HOST}/app@${own}`, tag: signatureTag(digest) };
    });
    const { set, close } = await narrowSet({ ...whole, items: [...whole.items, ...signed] }, [AMD]);
    await close();
    expect(set.items.flatMap(({ tag }) => (tag?.endsWith('.sig') ? [tag] : []))).toEqual([signatureTag(one)]);
  });
});

describe('copy --platform', () => {
  it('says that digests are others, and goes from archives too', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const home = await tempFolder();
    const run = async (line: string) =>
      await command([...line.split(' '), '--registry-map', `${HOST}=${registry.host}`], {
        env: { HOME: home, XDG_STATE_HOME: join(home, 'state') },
      });
    const tar = join(home, 'a.tar');
    const packed = await run(`copy -b ${HOST}/src/outer:v1 --to-tar ${tar} --platform linux/arm64`);
    expect(packed.written.err).toBe(
      'copy | 1 index is cut to linux/arm64: what is left has a digest of its own, and so has the bundle that lists it\n',
    );
    const loaded = await run(`copy --tar ${tar} --to-repo ${HOST}/dst`);
    expect(loaded.written.out.split('@')[1]).toBe(packed.written.out.split('@')[1]);
    expect((await run(`copy --tar ${tar} --to-repo ${HOST}/again --platform linux/arm64`)).written.err).toBe(
      '',
    );
    const failed = await run(`copy -i ${HOST}/src/multi:1 --to-repo ${HOST}/dst --platform plan9/mips`);
    expect([failed.exitCode, failed.written.err]).toEqual([
      1,
      expect.stringMatching(/nothing for plan9\/mips/),
    ]);
  });
});
