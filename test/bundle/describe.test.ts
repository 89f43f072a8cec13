import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeAsJson, describeAsText, describeAsYaml, describeBundle } from '../../bundle/index.js';
import { gatherBundle } from '../../bundle/copy/set.js';
import { copyToRepository } from '../../bundle/copy/to-repository.js';
import { parseWanted, signatureTag } from '../../bundle/names.js';
import { Places } from '../../bundle/places.js';
import { pushBundle } from '../../bundle/push/push.js';
import { remoteSink } from '../../client/remote/sink.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, fileOf, golden, HOST, reach, seedGolden } from './fixtures.js';

const places = (registry: TestRegistry): Places => new Places(reach(registry));
const at = (name: string): { registry: string; repository: string } => ({ registry: HOST, repository: name });
const RUNS = JSON.parse(golden('runs.json').toString()) as readonly { name: string; stdout: string }[];
const runOf = (name: string): string => RUNS.find((run) => run.name === name)?.stdout ?? '';

/** A bundle that lists one image. */
async function bundleOf(registry: TestRegistry, image: string): Promise<void> {
  const folder = await tempFolder();
  const lock = `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages: [{image: "${HOST}/${image}"}]\n`;
  await fileOf(`${folder}/.imgpkg/images.yml`, lock);
  await pushBundle(remoteSink(reach(registry)(at('bundle'))), '1', { files: [folder] });
}

describe('describe', () => {
  it('prints what imgpkg prints, and in the same order each time (weakness 9)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    for (let times = 0; times < 3; times++) {
      const described = await describeBundle(places(registry), parseWanted(`${HOST}/src/outer:v1`));
      expect(describeAsYaml(described)).toBe(runOf('describe-yaml'));
      expect([...describeAsText(described), '', 'Succeeded', ''].join('\n')).toBe(runOf('describe-text'));
      expect(JSON.parse(describeAsJson(described))).toEqual(parse(describeAsYaml(described)));
    }
  });

  it('of a bundle that was copied names where everything is now, and the locations', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const repository = reach(registry)(at('dst'));
    const set = await gatherBundle(places(registry), parseWanted(`${HOST}/src/outer:v1`));
    await copyToRepository(set, { repository, sink: remoteSink(repository) });
    const { images, bundles } = await describeBundle(places(registry), parseWanted(`${HOST}/dst:v1`));
    expect(images[DIGESTS.app]).toMatchObject({
      type: 'Image',
      image: `${HOST}/dst@${DIGESTS.app}`,
      origin: `${HOST}/src/app@${DIGESTS.app}`,
    });
    expect(images[DIGESTS.outerLocations]).toMatchObject({
      type: 'Internal',
      image: `${HOST}/dst@${DIGESTS.outerLocations}`,
    });
    expect(bundles[DIGESTS.inner]?.images[DIGESTS.innerLocations]?.type).toBe('Internal');
  });

  it('shows signatures, and those that it may not see', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const tag = signatureTag(DIGESTS.app);
    await seedSignature(registry, 'src/app', tag);
    registry.faults.add({
      match: { path: `/v2/src/multi/manifests/${signatureTag(DIGESTS.multi)}` },
      fault: { kind: 'status', status: 403 },
    });
    const described = await describeBundle(places(registry), parseWanted(`${HOST}/src/outer:v1`));
    const found = Object.entries(described.images).filter(([, { type }]) => type === 'Signature');
    expect(
      found.map(([key, { annotations, error }]) => [
        key.split('@')[0]?.slice(0, 9),
        annotations?.['tag'],
        error === undefined,
      ]),
    ).toEqual(
      expect.arrayContaining([
        ['sha256:e8', tag, true],
        [HOST.slice(0, 9), undefined, false],
      ]),
    );
    const without = await describeBundle(places(registry), parseWanted(`${HOST}/src/outer:v1`), {
      signatures: false,
      layers: false,
    });
    expect(Object.values(without.images).map(({ type, layers }) => [type, layers])).toEqual([
      ['Image', undefined],
      ['Image', undefined],
    ]);
  });

  it('of an index for arm only shows its layers (weakness 9)', async () => {
    await using registry = await startRegistry({
      socket: false,
      seed: { app: { 1: { platforms: ['linux/arm64'], layers: 2 } } },
    });
    const index = await reach(registry)(at('app')).resolve('1');
    await bundleOf(registry, `app@${index?.digest}`);
    const { images } = await describeBundle(places(registry), parseWanted(`${HOST}/bundle:1`));
    expect(images[index?.digest ?? '']?.layers).toHaveLength(2);
  });

  it('of what is no bundle is refused', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    for (const name of ['plain', 'multi'])
      await expect(describeBundle(places(registry), parseWanted(`${HOST}/src/${name}:1`))).rejects.toThrow(
        /Only bundles can be described/,
      );
  });
});

/** Gives a tag to what is there as `plain`, as a signature would have. */
async function seedSignature(registry: TestRegistry, name: string, tag: string): Promise<void> {
  const { copy } = await import('../../image/copy/index.js');
  const { remoteSource } = await import('../../client/remote/source.js');
  const from = remoteSource(reach(registry)(at('src/plain')));
  const descriptor = await from.resolve('1');
  if (descriptor !== undefined)
    await copy(from, remoteSink(reach(registry)(at(name))), [{ descriptor, tags: [tag] }], {
      referrers: false,
    });
}
