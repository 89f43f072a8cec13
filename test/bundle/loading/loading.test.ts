import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inventoryOf, withInventory } from '../../../bundle/inventory/index.js';
import { loadArchive } from '../../../bundle/loading/index.js';
import { createLayoutArchive, openLayoutArchive, verifyArchive } from '../../../image/archive/index.js';
import { copy } from '../../../image/copy/index.js';
import { memoryStore, type MemoryStore } from '../../../image/memory.js';
import type { Sink, Source } from '../../../image/media.js';
import { hexOf, streamOf, type Descriptor } from '../../../oci/index.js';
import { openStore, storeSink, storeSource } from '../../../registry/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { all, failure, putArtifact, putImage, putIndex } from '../../image/content.js';
import { entriesOf } from '../../image/tar/helpers.js';
import { archived } from '../../image/archive/helpers.js';

const IMAGES = 8;
const CHANGED = 3;

/** An index of images, some of which another version has too. */
async function version(sink: Sink, number: number): Promise<Descriptor> {
  const images: Descriptor[] = [];
  for (let at = 0; at < IMAGES; at++) {
    const seed = number > 1 && at < CHANGED ? `${at}-of-${number}` : String(at);
    images.push(await putImage(sink, { seed, platform: { os: 'linux', architecture: `a${at}` } }));
  }
  return await putIndex(sink, images, { tags: [`v${number}`], top: true });
}

/** The first version at the far side, and an archive of what the second one has besides. */
async function update(): Promise<{
  near: MemoryStore;
  far: MemoryStore;
  first: Descriptor;
  second: Descriptor;
  path: string;
}> {
  const [near, far] = [memoryStore('near'), memoryStore('far')];
  const first = await version(near, 1);
  await copy(near, far, [{ descriptor: first, tags: ['v1'] }]);
  const second = await version(near, 2);
  const path = join(await tempFolder(), 'update.tar');
  await pack(near, far, second, path);
  return { near, far, first, second, path };
}

async function pack(near: Source, far: Source, root: Descriptor, path: string): Promise<void> {
  const archive = await createLayoutArchive(path, { seal: true, dockerManifest: true });
  const have = await inventoryOf([{ source: far }]);
  await copy(near, withInventory(archive, have), [{ descriptor: root, tags: ['v2'] }]);
  await archive.finish?.();
}

const tagsOf = (place: Source): Promise<string[]> => all(place.tags?.());

describe('a differential archive', () => {
  it('holds the new blobs and manifests only', async () => {
    const { far, near, path } = await update();
    const names = (await entriesOf([await readFile(path)])).map(({ name }) => name);
    const fresh = [...near.contents.keys()].filter((digest) => !far.contents.has(digest));
    expect(names.filter((name) => name.startsWith('blobs/')).toSorted()).toEqual(
      fresh.map((digest) => `blobs/sha256/${hexOf(digest)}`).toSorted(),
    );
    expect(names.slice(-3)).toEqual(['manifest.json', 'ocilot-base.json', 'ocilot-seal.json']);
    expect(fresh).toHaveLength(CHANGED * 3 + 1);
    const { base, problems } = await verifyArchive(path);
    expect(problems).toEqual([]);
    expect(base).toMatchObject({ of: ['far'] });
    expect(base?.manifests).toHaveLength(IMAGES - CHANGED);
  });

  it('is complete with its base, and only so', async () => {
    const { far, near, path, second } = await update();
    const { copies } = await loadArchive(path, far);
    expect(copies[0]).toMatchObject({ manifests: { put: CHANGED + 1 }, sent: { blobs: CHANGED * 2 } });
    expect((await far.resolve('v2'))?.digest).toBe(second.digest);
    for (const digest of near.contents.keys()) expect(far.contents.has(digest)).toBe(true);
  });

  it('is refused where its base is not: the message names what is missing, and nothing changes', async () => {
    const { near, path } = await update();
    const other = memoryStore('other');
    const there = await putImage(other, {
      seed: '7',
      platform: { os: 'linux', architecture: 'a7' },
      tags: ['v1'],
    });
    const before = [...other.contents.keys()];
    const { code, message } = await failure(loadArchive(path, other));
    expect(code).toBe('PRECONDITION_FAILED');
    const missing = (
      JSON.parse(Buffer.from(await near.manifest((await near.resolve('v1')) ?? there)).toString()) as {
        manifests: Descriptor[];
      }
    ).manifests.slice(CHANGED, -1);
    for (const { digest } of missing) expect(message).toContain(digest);
    expect(message).not.toContain(there.digest);
    expect([...other.contents.keys()]).toEqual(before);
    expect(await tagsOf(other)).toEqual(['v1']);
  });

  it('relies on single blobs too', async () => {
    const [near, far] = [memoryStore('near'), memoryStore('far')];
    await putArtifact(far, { seed: 'old', tags: ['1'] });
    const fresh = await putArtifact(near, { seed: 'new', tags: ['2'] });
    const path = join(await tempFolder(), 'a.tar');
    await pack(near, far, fresh, path);
    const { base } = await verifyArchive(path);
    expect(base?.blobs).toHaveLength(1);
    expect((await failure(loadArchive(path, memoryStore('empty')))).message).toContain(
      `blob ${String(base?.blobs[0]?.digest)}`,
    );
    await loadArchive(path, far);
    expect(await tagsOf(far)).toEqual(['1', 'v2']);
  });

  it('moves a tag to what is there already', async () => {
    const [near, far] = [memoryStore('near'), memoryStore('far')];
    const image = await putImage(near, { seed: 'a', tags: ['v1'] });
    await copy(near, far, [{ descriptor: image, tags: ['v1'] }]);
    const path = join(await tempFolder(), 'a.tar');
    await pack(near, far, image, path);
    expect((await verifyArchive(path)).problems).toEqual([]);
    await loadArchive(path, far);
    expect((await far.resolve('v2'))?.digest).toBe(image.digest);
  });

  it('names what is there already, as a bundle does with all of its images, and holds none of it', async () => {
    const [near, store] = [memoryStore('near'), await openStore({ kind: 'memory' })];
    const far = storeSink(store, 'far');
    const roots: { descriptor: Descriptor; tags: string[] }[] = [];
    for (const seed of ['a', 'b', 'c'])
      roots.push({ descriptor: await putImage(near, { seed }), tags: [`r.example/app:${seed}`, seed] });
    const [changed, ...old] = roots;
    await copy(
      near,
      far,
      old.map(({ descriptor }) => ({ descriptor, tags: ['old'] })),
    );
    const path = join(await tempFolder(), 'a.tar');
    const archive = await createLayoutArchive(path, { seal: true, dockerManifest: true });
    const have = await inventoryOf([
      { source: storeSource(store, 'far'), roots: old.map((r) => r.descriptor) },
    ]);
    await copy(near, withInventory(archive, have), roots);
    await archive.finish?.();
    const names = (await entriesOf([await readFile(path)])).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('blobs/'))).toHaveLength(3);
    expect((await verifyArchive(path)).problems).toEqual([]);
    await loadArchive(path, far);
    for (const { descriptor, tags } of [changed, ...old].filter((root) => root !== undefined))
      expect((await far.resolve(tags[1] ?? ''))?.digest).toBe(descriptor.digest);
    await store.close();
  });

  it('carries a new signature of an old image, below an old index', async () => {
    const [near, far] = [memoryStore('near'), memoryStore('far')];
    const image = await putImage(near, { seed: 'a' });
    const index = await putIndex(near, [image], { tags: ['v1'] });
    await copy(near, far, [{ descriptor: index, tags: ['v1'] }]);
    const signature = await putArtifact(near, { subject: image });
    const path = join(await tempFolder(), 'a.tar');
    await pack(near, far, index, path);
    await loadArchive(path, far);
    expect((await all(far.referrers?.(image.digest))).map(({ digest }) => digest)).toEqual([
      signature.digest,
    ]);
  });

  it('takes its base from another repository of the registry, where somebody names it', async () => {
    const { near, path, second } = await update();
    const store = await openStore({ kind: 'memory' });
    const first = await near.resolve('v1');
    if (first === undefined) throw new Error('no first version');
    await copy(near, storeSink(store, 'old'), [{ descriptor: first, tags: ['v1'] }]);
    const sink = storeSink(store, 'new');
    expect((await failure(loadArchive(path, sink))).code).toBe('PRECONDITION_FAILED');
    expect(await store.repositories.exists('new')).toBe(false);
    const { copies } = await loadArchive(path, sink, { base: [storeSource(store, 'old')] });
    expect(copies[0]?.mounted.blobs).toBe((IMAGES - CHANGED) * 2);
    expect((await sink.resolve('v2'))?.digest).toBe(second.digest);
    await store.close();
  });

  it('is read by others as far as it goes', async () => {
    const { path, second } = await update();
    const source = await openLayoutArchive(path);
    expect((await source.resolve('v2'))?.digest).toBe(second.digest);
    await source.close();
  });
});

describe('loadArchive', () => {
  const fill = (sink: Sink): Promise<unknown> =>
    putImage(sink, { seed: 'a', layers: ['none'], tags: ['r.example/app:1'] });

  it('tags by the tag of a full name, and refuses two of one', async () => {
    const far = memoryStore('far');
    await loadArchive(await archived({ seal: true }, fill), far);
    expect(await tagsOf(far)).toEqual(['1']);
    const two = await archived({}, async (sink) => {
      await fill(sink);
      await putImage(sink, { seed: 'b', tags: ['r.example/other:1'] });
    });
    const empty = memoryStore('empty');
    expect((await failure(loadArchive(two, empty))).message).toContain('would be called "1"');
    expect(empty.contents.size).toBe(0);
  });

  it('puts to several places, and tags when everything is there', async () => {
    const bytes = await archived({ seal: true }, fill);
    const log: string[] = [];
    const noting = (name: string): Sink => {
      const store = memoryStore(name);
      return {
        name,
        hasManifest: (...a) => store.hasManifest(...a),
        hasBlob: (...a) => store.hasBlob(...a),
        resolve: (...a) => store.resolve(...a),
        putBlob: (...a) => store.putBlob(...a),
        putManifest: async (descriptor, content, options) => {
          log.push(`${name} ${options?.tags?.join() ?? ''}`.trim());
          await store.putManifest(descriptor, content, options);
        },
      };
    };
    const sinks = [noting('a'), noting('b')];
    const { copies } = await loadArchive(bytes, async (source) => {
      const descriptor = await source.resolve('');
      return sinks.map((sink) => ({
        sink,
        roots: descriptor === undefined ? [] : [{ descriptor, tags: ['1'] }],
      }));
    });
    expect(log).toEqual(['a', 'b', 'a 1', 'b 1']);
    expect(copies.map(({ roots }) => roots[0]?.tags)).toEqual([['1'], ['1']]);
  });

  it('changes nothing with any single byte changed, and with any cut, of a file and of a stream', async () => {
    const bytes = await archived({ seal: true }, fill);
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        fc.boolean(),
        async (place, flip, cut, stream) => {
          const damaged = cut ? bytes.subarray(0, place) : Buffer.from(bytes);
          if (!cut) damaged[place] = (damaged[place] ?? 0) ^ flip;
          const far = memoryStore('far');
          const input = stream ? streamOf(damaged) : Uint8Array.from(damaged);
          const { code, message } = await failure(loadArchive(input, far));
          expect(code).not.toBe('none');
          expect(message).toMatch(
            /blobs\/|sha256:|oci-layout|index\.json|ocilot-seal|not a tar|packed|behind|damaged/,
          );
          expect(far.contents.size).toBe(0);
          expect(await tagsOf(far)).toEqual([]);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('changes nothing with a part missing', async () => {
    const folder = await tempFolder();
    const path = join(folder, 'a.tar');
    const sink = await createLayoutArchive({ path, split: 2048 }, { seal: true });
    await fill(sink);
    await sink.finish?.();
    for (const name of await readdir(folder)) {
      const bytes = await readFile(join(folder, name));
      await rm(join(folder, name));
      const far = memoryStore('far');
      const { code, message } = await failure(loadArchive(path, far));
      expect(code).toBe('CONTENT_INVALID');
      expect(message).toContain(`${name} is not there`);
      expect(far.contents.size).toBe(0);
      await writeFile(join(folder, name), bytes);
    }
    const far = memoryStore('far');
    await loadArchive(path, far);
    expect(await tagsOf(far)).toEqual(['1']);
  });

  it('stops when it is told to, before anything is sent', async () => {
    const far = memoryStore('far');
    const reason = new Error('enough');
    const work = loadArchive(await archived({}, fill), far, { signal: AbortSignal.abort(reason) });
    await expect(work).rejects.toBe(reason);
    expect(far.contents.size).toBe(0);
  });
});
