import { readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { remoteSink } from '../../client/remote/sink.js';
import { openArchive, openVerifiedArchive } from '../../image/archive/index.js';
import { readTar } from '../../image/tar/index.js';
import { streamOf } from '../../oci/index.js';
import { gatherArchive } from '../../bundle/archive/read.js';
import { openReusable } from '../../bundle/archive/reuse.js';
import { writeImgpkgTar } from '../../bundle/archive/write-imgpkg.js';
import { writeLayoutTar } from '../../bundle/archive/write-layout.js';
import { gatherBundle, gatherImage, type CopySet } from '../../bundle/copy/set.js';
import { copyToRepository } from '../../bundle/copy/to-repository.js';
import { printBundleLock, type BundleLock } from '../../bundle/locks/index.js';
import { digestTag, locationsTag, parseWanted } from '../../bundle/names.js';
import { Places } from '../../bundle/places.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, golden, goldenPath, HOST, reach, seedGolden } from './fixtures.js';

const places = (registry: TestRegistry): Places => new Places(reach(registry));
const outer = (registry: TestRegistry): Promise<CopySet> =>
  gatherBundle(places(registry), parseWanted(`${HOST}/src/outer:v1`));
const repositoryOf = (registry: TestRegistry, name: string) =>
  reach(registry)({ registry: HOST, repository: name });

/** Copies an archive into a repository; its tags afterwards, and the lock. */
async function load(path: string, name: string): Promise<{ tags: Record<string, string>; lock: string }> {
  await using registry = await startRegistry({ socket: false });
  const repository = repositoryOf(registry, name);
  const { source } = await openVerifiedArchive(path);
  const set = await gatherArchive(source);
  const { lock } = await copyToRepository(set, { repository, sink: remoteSink(repository) });
  await source.close();
  const tags: Record<string, string> = {};
  for await (const tag of repository.tags()) tags[tag] = (await repository.resolve(tag))?.digest ?? '';
  return { tags, lock: printBundleLock(lock as BundleLock) };
}

const LOADED: Record<string, string> = {
  [digestTag(DIGESTS.multi)]: DIGESTS.multi,
  [digestTag(DIGESTS.app)]: DIGESTS.app,
  [digestTag(DIGESTS.inner)]: DIGESTS.inner,
  [digestTag(DIGESTS.outer)]: DIGESTS.outer,
  [locationsTag(DIGESTS.outer)]: DIGESTS.outerLocations,
  [digestTag(DIGESTS.outerLocations)]: DIGESTS.outerLocations,
  [locationsTag(DIGESTS.inner)]: DIGESTS.innerLocations,
  [digestTag(DIGESTS.innerLocations)]: DIGESTS.innerLocations,
  v1: DIGESTS.outer,
};

describe("imgpkg's tar", () => {
  it('of a bundle is the one that imgpkg wrote, byte for byte', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const path = join(await tempFolder(), 'outer.tar');
    const entries: string[] = [];
    await writeImgpkgTar(await outer(registry), path, { onEntry: (name) => entries.push(name) });
    expect((await readFile(path)).equals(golden('outer.tar'))).toBe(true);
    expect(entries).toHaveLength(4);
  });

  it('of an index too', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const path = join(await tempFolder(), 'multi.tar');
    await writeImgpkgTar(await gatherImage(places(registry), parseWanted(`${HOST}/src/multi:1`)), path);
    expect((await readFile(path)).equals(golden('multi.tar'))).toBe(true);
  });

  it('is read: the same tags, locations and lock as from imgpkg', async () => {
    const { tags, lock } = await load(goldenPath('outer.tar'), 'dst3/outer');
    expect(tags).toEqual(LOADED);
    expect(lock).toBe(golden('tar.lock.yml').toString());
  });
});

describe('our tar', () => {
  it('loads as that of imgpkg does, and is the same each time', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const folder = await tempFolder();
    for (const name of ['a.tar', 'b.tar']) await writeLayoutTar(await outer(registry), join(folder, name));
    expect((await readFile(join(folder, 'a.tar'))).equals(await readFile(join(folder, 'b.tar')))).toBe(true);
    const { tags, lock } = await load(join(folder, 'a.tar'), 'dst3/outer');
    expect(tags).toEqual(LOADED);
    expect(lock).toBe(golden('tar.lock.yml').toString());
  });

  it('names images as lists spell them, and Docker finds those that it can load', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const path = join(await tempFolder(), 'a.tar');
    await writeLayoutTar(await outer(registry), path);
    const source = await openArchive(path);
    expect((await source.resolve(`${HOST}/src/outer:v1`))?.digest).toBe(DIGESTS.outer);
    expect((await source.resolve(`${HOST}/src/app@${DIGESTS.app}`))?.digest).toBe(DIGESTS.app);
    await source.close();
    const names: string[] = [];
    for await (const { header } of readTar(streamOf(await readFile(path)))) names.push(header.name);
    expect(names.at(0)).toBe('oci-layout');
    expect(names.slice(-3)).toEqual(['index.json', 'manifest.json', 'ocilot-seal.json']);
  });

  it('changed in any byte is refused before anything is sent', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const path = join(await tempFolder(), 'a.tar');
    await writeLayoutTar(await outer(registry), path);
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += 1999) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8((changed[at] ?? 0) ^ 0x40, at);
      await writeFile(path, changed);
      await expect(openVerifiedArchive(path), `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/CONTENT_INVALID|INVALID_OPTION|UNSUPPORTED|SIZE_LIMIT/),
      });
    }
  });
});

describe('archives of others', () => {
  it('a layout of everything is the bundle that no other lists', async () => {
    const source = await openArchive(goldenPath('everything.oci.tar'));
    const set = await gatherArchive(source);
    expect(set.root?.descriptor.digest).toBe(DIGESTS.outer);
    expect(set.root?.tag).toBe('v1');
    expect(set.items.filter(({ tag }) => tag !== undefined)).toHaveLength(1);
    await source.close();
    const { tags } = await load(goldenPath('everything.oci.tar'), 'all');
    expect(tags).toMatchObject(LOADED);
  });

  it('a bundle without its images is refused', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const path = join(await tempFolder(), 'a.tar');
    const set = await outer(registry);
    await writeLayoutTar(
      { ...set, items: set.items.filter(({ descriptor }) => descriptor.digest !== DIGESTS.app) },
      path,
    );
    const source = await openArchive(path);
    await expect(gatherArchive(source)).rejects.toThrow(
      /src\/(?:inner|outer)@.* lists what is not there: .*src\/app/,
    );
    await source.close();
  });
});

describe('an archive written again', () => {
  it('takes every blob that is there already, of a whole one or of a cut one (weakness 4)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const folder = await tempFolder();
    const path = join(folder, 'a.tar');
    await writeLayoutTar(await outer(registry), path);
    const whole = await readFile(path);
    const left = join(folder, `.a.tar.${'0'.repeat(16)}`);
    await writeFile(left, whole);
    await truncate(left, whole.length - 2048);
    const set = await outer(registry);
    registry.requests.clear();
    const reuse = await openReusable(path);
    expect(reuse.blobs).toBeGreaterThan(8);
    await writeLayoutTar(set, path, { reuse });
    await reuse.release(true);
    expect(registry.requests.filter(({ path: asked }) => asked.includes('/blobs/'))).toEqual([]);
    expect((await readFile(path)).equals(whole)).toBe(true);
    expect(await readdir(folder)).toEqual(['a.tar']);
  });

  it('stays as it was when the new one fails (weakness 4)', async () => {
    await using registry = await startRegistry({ socket: false });
    await seedGolden(registry);
    const folder = await tempFolder();
    const path = join(folder, 'a.tar');
    await writeFile(path, 'old');
    const set = await outer(registry);
    registry.faults.add({
      match: { method: 'GET', operation: 'blob.get' },
      fault: { kind: 'status', status: 404 },
    });
    for (const write of [writeLayoutTar, writeImgpkgTar]) await expect(write(set, path)).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a.tar']);
    expect((await stat(path)).size).toBe(3);
  });
});
