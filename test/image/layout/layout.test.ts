import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copy } from '../../../image/copy/index.js';
import { createLayout, layoutGc, openLayout } from '../../../image/layout/index.js';
import { thisProcess } from '../../../image/layout/process.js';
import { memoryStore } from '../../../image/memory.js';
import { openBlob, readManifest } from '../../../image/read.js';
import {
  MEDIA_TYPES,
  collect,
  digestOf,
  hexOf,
  parseManifest,
  referrersTag,
  streamOf,
  type Descriptor,
  type Digest,
} from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { all, blobFrom, failure, putArtifact, putImage, putIndex } from '../content.js';

const REF_NAME = 'org.opencontainers.image.ref.name';
const ARM = { os: 'linux', architecture: 'arm64' };

const fileOf = (folder: string, digest: Digest): string => join(folder, 'blobs/sha256', hexOf(digest));

async function indexOf(folder: string): Promise<{ manifests: Descriptor[]; [key: string]: unknown }> {
  return JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
}

/** A layout with an image `1`, an index `both` and an artifact about the image. */
async function sample(): Promise<{
  folder: string;
  image: Descriptor;
  index: Descriptor;
  artifact: Descriptor;
}> {
  const folder = join(await tempFolder(), 'layout');
  const sink = await createLayout(folder);
  const image = await putImage(sink, { seed: 'a', tags: ['1'] });
  const arm = await putImage(sink, { seed: 'b', platform: ARM });
  const index = await putIndex(sink, [image, { ...arm, platform: ARM }], { tags: ['both'] });
  const artifact = await putArtifact(sink, { subject: image });
  await sink.finish?.();
  return { folder, image, index, artifact };
}

describe('a layout that was made here', () => {
  it('has the files of the specification and nothing else', async () => {
    const { folder, image } = await sample();
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(await readFile(join(folder, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    for (const hex of await readdir(join(folder, 'blobs/sha256')))
      expect(digestOf(await readFile(join(folder, 'blobs/sha256', hex)))).toBe(`sha256:${hex}`);
    expect((await indexOf(folder)).manifests[0]).toEqual({ ...image, annotations: { [REF_NAME]: '1' } });
  });

  it('takes indexes that list one index again and again', async () => {
    const source = memoryStore('source');
    let top = await putImage(source, { seed: 'deep' });
    for (let level = 0; level < 12; level++)
      top = await putIndex(
        source,
        Array.from({ length: 8 }, () => top),
      );
    const folder = join(await tempFolder(), 'layout');
    const copyOnce = async (): Promise<number> => {
      const sink = await createLayout(folder);
      const { manifests } = await copy(source, sink, [{ descriptor: top, tags: ['top'] }]);
      await sink.finish?.();
      return manifests.put;
    };
    expect(await copyOnce()).toBe(13);
    expect(await copyOnce()).toBe(0);
  });

  it('gives back roots, tags, manifests, blobs and ranges of them', async () => {
    const { folder, image, index, artifact } = await sample();
    const source = await openLayout(folder);
    expect(await all(source.tags())).toEqual(['1', 'both']);
    expect((await all(source.roots())).map(({ descriptor, tag }) => [descriptor.digest, tag])).toEqual([
      [image.digest, '1'],
      [index.digest, 'both'],
      [artifact.digest, undefined],
    ]);
    const found = await source.resolve('1');
    expect(found?.digest).toBe(image.digest);
    const manifest = parseManifest(await readManifest(source, image));
    const [layer] = manifest.kind === 'image' ? manifest.layers : [];
    if (layer === undefined) throw new Error('no layer');
    const whole = await collect(await openBlob(source, layer), 1 << 20, 'layer');
    const range = { start: 3, end: 9 };
    expect(await collect(await source.blob(layer, { range }), 1 << 20, 'layer')).toEqual(
      whole.subarray(3, 10),
    );
    const beyond = { start: layer.size - 2, end: layer.size + 100 };
    expect(await collect(await source.blob(layer, { range: beyond }), 1 << 20, 'layer')).toEqual(
      whole.subarray(-2),
    );
  });

  it('finds children by digest, and nothing for what is no manifest or not there', async () => {
    const { folder, index } = await sample();
    const source = await openLayout(folder);
    const manifest = parseManifest(await readManifest(source, index));
    const child = manifest.kind === 'index' ? manifest.manifests[1] : undefined;
    if (child === undefined) throw new Error('no child');
    expect(await source.resolve(child.digest)).toMatchObject({
      digest: child.digest,
      mediaType: MEDIA_TYPES.ociManifest,
    });
    const image = parseManifest(await readManifest(source, child));
    expect(await source.resolve(image.kind === 'image' ? image.config.digest : '')).toBeUndefined();
    expect(await source.resolve(digestOf('nothing'))).toBeUndefined();
    expect(await source.resolve('2')).toBeUndefined();
  });

  it('tells what refers to a manifest, with the fields of a referrers list', async () => {
    const { folder, image, artifact, index } = await sample();
    const source = await openLayout(folder);
    expect(await all(source.referrers(image.digest))).toEqual([
      { ...artifact, artifactType: 'application/vnd.example.report', annotations: { seed: 'report' } },
    ]);
    expect(await all(source.referrers(index.digest))).toEqual([]);
    const entry = (await indexOf(folder)).manifests.find(({ digest }) => digest === artifact.digest);
    expect(entry).toEqual({ ...artifact, artifactType: 'application/vnd.example.report' });
  });

  it('finds referrers that only the fallback tag leads to', async () => {
    const folder = await tempFolder();
    const sink = await createLayout(folder);
    const image = await putImage(sink, { seed: 'a', tags: ['1'] });
    const store = memoryStore();
    const artifact = await putArtifact(store, { subject: image });
    for (const blob of ['{}', '{"seed":"report"}'])
      await sink.putBlob(blobFrom('text/plain', Buffer.from(blob)));
    await writeFile(fileOf(folder, artifact.digest), await store.manifest(artifact));
    await putIndex(sink, [artifact], { tags: [referrersTag(image.digest)] });
    await sink.finish?.();
    const source = await openLayout(folder);
    expect((await all(source.referrers(image.digest))).map(({ digest }) => digest)).toEqual([
      artifact.digest,
    ]);
  });

  it('takes what copy() brings, and gives it to copy()', async () => {
    const { folder, image, index, artifact } = await sample();
    const source = await openLayout(folder);
    const second = join(await tempFolder(), 'second');
    const sink = await createLayout(second);
    const report = await copy(source, sink, [
      { descriptor: index, tags: ['both'] },
      { descriptor: image, tags: ['1'] },
    ]);
    await sink.finish?.();
    expect(report.carried.map(({ descriptor }) => descriptor.digest)).toEqual([artifact.digest]);
    const names = async (path: string): Promise<string[]> =>
      (await readdir(join(path, 'blobs/sha256'))).toSorted();
    expect(await names(second)).toEqual(await names(folder));
    const again = await createLayout(second);
    const nothing = await copy(source, again, [{ descriptor: index, tags: ['both'] }]);
    await again.finish?.();
    expect(nothing.manifests.put).toBe(0);
    expect(nothing.sent.blobs).toBe(0);
  });
});

describe('index.json', () => {
  it('has one entry for a tag and one for a digest without names, and keeps what it does not know', async () => {
    const { folder, image } = await sample();
    const document = await indexOf(folder);
    const [first, ...rest] = document.manifests;
    const strange = { ...document, 'x-mine': { a: 1 }, manifests: [{ ...first, 'x-entry': 2 }, ...rest] };
    await writeFile(join(folder, 'index.json'), JSON.stringify(strange));
    const sink = await createLayout(folder);
    const bytes = await readFile(fileOf(folder, image.digest));
    await sink.putManifest(image, bytes, { tags: ['1'] });
    await sink.putManifest(image, bytes, { top: true });
    await sink.finish?.();
    expect(await indexOf(folder)).toEqual(strange);
    const more = await createLayout(folder);
    await more.putManifest(image, bytes, { tags: ['2'] });
    const other = await putImage(more, { seed: 'other', tags: ['1'] });
    await more.finish?.();
    const after = await indexOf(folder);
    expect(after['x-mine']).toEqual({ a: 1 });
    expect(after.manifests.map(({ digest, annotations }) => [digest, annotations?.[REF_NAME]])).toEqual([
      [other.digest, '1'],
      ...rest.map(({ digest, annotations }) => [digest, annotations?.[REF_NAME]]),
      [image.digest, '2'],
    ]);
  });

  it('keeps what it knows of an entry that gets its name later', async () => {
    const folder = await tempFolder();
    const sink = await createLayout(folder);
    const image = await putImage(sink, { seed: 'a', top: true });
    const strange = { ...image, annotations: { mine: '1' }, 'x-entry': 2 };
    await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [strange] }));
    await putImage(sink, { seed: 'a', tags: ['1'] });
    await sink.finish?.();
    const named = { ...strange, annotations: { mine: '1', [REF_NAME]: '1' } };
    expect(await indexOf(folder)).toEqual({ schemaVersion: 2, manifests: [named] });
  });

  it('gives an entry without a name the name that comes later', async () => {
    const folder = await tempFolder();
    const sink = await createLayout(folder);
    const image = await putImage(sink, { seed: 'a', top: true });
    expect((await indexOf(folder)).manifests).toEqual([image]);
    await putImage(sink, { seed: 'a', tags: ['r.example/a:1'] });
    await sink.finish?.();
    expect((await indexOf(folder)).manifests).toEqual([
      { ...image, annotations: { [REF_NAME]: 'r.example/a:1' } },
    ]);
  });

  it('has full names or tags only, as asked', async () => {
    const folder = await tempFolder();
    const sink = await createLayout(folder, { annotate: 'tag' });
    const image = await putImage(sink, { seed: 'a', tags: ['r.example:5000/a:1'] });
    await sink.finish?.();
    expect((await indexOf(folder)).manifests[0]?.annotations).toEqual({ [REF_NAME]: '1' });
    expect((await (await openLayout(folder)).resolve('1'))?.digest).toBe(image.digest);
  });

  it('loses no entry of writers that write at once', async () => {
    const folder = await tempFolder();
    const sinks = await Promise.all(Array.from({ length: 4 }, () => createLayout(folder)));
    const put = sinks.flatMap((sink, at) =>
      Array.from({ length: 5 }, (_, turn) => putImage(sink, { seed: 'same', tags: [`${at}-${turn}`] })),
    );
    await Promise.all(put);
    await Promise.all(sinks.map(async (sink) => await sink.finish?.()));
    expect((await indexOf(folder)).manifests).toHaveLength(20);
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });
});

describe('names', () => {
  async function named(...names: readonly string[]): Promise<(name: string) => Promise<string | undefined>> {
    const folder = await tempFolder();
    const sink = await createLayout(folder);
    const images = new Map<Digest, string>();
    for (const name of names) images.set((await putImage(sink, { seed: name, tags: [name] })).digest, name);
    await sink.finish?.();
    const source = await openLayout(folder);
    return async (name) => {
      const found = await source.resolve(name);
      return found && images.get(found.digest);
    };
  }

  it('are exact first, then what Docker means by them, then the tag of a full name', async () => {
    const resolve = await named(
      '1.0',
      'r.example/app:1.0',
      'r.example/app:2.0',
      'docker.io/library/box:latest',
    );
    expect(await resolve('1.0')).toBe('1.0');
    expect(await resolve('r.example/app:1.0')).toBe('r.example/app:1.0');
    expect(await resolve('2.0')).toBe('r.example/app:2.0');
    expect(await resolve('box')).toBe('docker.io/library/box:latest');
    expect(await resolve('box:latest')).toBe('docker.io/library/box:latest');
    expect(await resolve('latest')).toBe('docker.io/library/box:latest');
    expect(await resolve('app')).toBeUndefined();
  });

  it('are never guessed by what writes: full names and bare ones stand beside each other', async () => {
    const folder = await tempFolder();
    const store = memoryStore();
    const root = { descriptor: await putImage(store, { seed: 'a' }) };
    for (const tag of ['1', 'a', 'r.example/a:1', 'r.example/b:1']) {
      const sink = await createLayout(folder);
      await copy(store, sink, [{ ...root, tags: [tag] }]);
      await sink.finish?.();
    }
    const source = await openLayout(folder);
    expect(await all(source.tags())).toEqual(['1', 'a', 'r.example/a:1', 'r.example/b:1']);
  });

  it('are not needed for one image with signatures and the like about it', async () => {
    const folder = await tempFolder();
    const sink = await createLayout(folder);
    const image = await putImage(sink, { seed: 'a', tags: ['r.example/a:1', 'latest'] });
    await putArtifact(sink, { subject: image });
    await putArtifact(sink, { seed: 'sig', tags: [`r.example/a:${referrersTag(image.digest)}.sig`] });
    await putArtifact(sink, { seed: 'att', tags: [`${referrersTag(image.digest)}.att`] });
    expect((await (await openLayout(folder)).resolve(''))?.digest).toBe(image.digest);
    await putArtifact(sink, { seed: 'other', top: true });
    await sink.finish?.();
    expect((await failure((await openLayout(folder)).resolve(''))).code).toBe('REFERENCE_INVALID');
  });

  it('that may be several are refused, and the message lists them', async () => {
    const resolve = await named('r.example/a:1', 'r.example/b:1');
    const { code, message } = await failure(resolve('1'));
    expect(code).toBe('REFERENCE_INVALID');
    expect(message).toContain('"r.example/a:1", "r.example/b:1"');
    expect((await failure(resolve(''))).message).toContain(
      'a name is needed: expected one of "r.example/a:1"',
    );
    expect(await (await named('only'))('')).toBe('only');
    expect((await failure((await named())(''))).code).toBe('REFERENCE_INVALID');
  });
});

describe('what is damaged or hostile', () => {
  it('is written again: blobs of the wrong size or the wrong bytes', async () => {
    const { folder, image } = await sample();
    const good = await readFile(fileOf(folder, image.digest));
    for (const bad of [good.subarray(1), Buffer.alloc(good.length)]) {
      await writeFile(fileOf(folder, image.digest), bad);
      const sink = await createLayout(folder);
      expect(await sink.hasBlob(image)).toBe(false);
      expect(await sink.putBlob(blobFrom(image.mediaType, good))).toBe('sent');
      expect(await sink.putBlob(blobFrom(image.mediaType, good))).toBe('present');
      await sink.finish?.();
      expect(await readFile(fileOf(folder, image.digest))).toEqual(good);
    }
    const trusting = await createLayout(folder, { verify: false });
    await writeFile(fileOf(folder, image.digest), Buffer.alloc(good.length));
    expect(await trusting.hasBlob(image)).toBe(true);
    await trusting.abandon?.();
  });

  it('is not there with a size that it does not have', async () => {
    const sink = await createLayout(await tempFolder());
    const blob = blobFrom('text/plain', Buffer.from('twelve bytes'));
    const lie = { ...blob.descriptor, size: 13 };
    await sink.putBlob(blob);
    expect([await sink.hasBlob(blob.descriptor), await sink.hasBlob(lie)]).toEqual([true, false]);
    await expect(sink.putBlob({ ...blob, descriptor: lie })).rejects.toThrow('13 bytes');
    await sink.finish?.();
  });

  it('does not become visible: bytes that are not what the descriptor says', async () => {
    const folder = await tempFolder();
    const sink = await createLayout(folder);
    const { descriptor } = blobFrom('text/plain', Buffer.from('right'));
    for (const text of ['wrong', 'righ', 'righter']) {
      const lie = { descriptor, open: async () => streamOf(Buffer.from(text)) };
      expect((await failure(sink.putBlob(lie))).code).toBe('DIGEST_MISMATCH');
    }
    await expect(stat(fileOf(folder, descriptor.digest))).rejects.toThrow('ENOENT');
    const broken = {
      descriptor,
      open: async () =>
        (async function* () {
          yield Buffer.from('ri');
          throw new Error('cut');
        })(),
    };
    await expect(sink.putBlob(broken)).rejects.toThrow('cut');
    expect((await failure(sink.putManifest(descriptor, Buffer.from('wrong')))).code).toBe('DIGEST_MISMATCH');
    await sink.abandon?.();
    expect((await readdir(folder)).toSorted()).toEqual(['index.json', 'oci-layout']);
  });

  it('is refused: a blob, a folder of blobs or an index that is a link', async () => {
    const { folder, image } = await sample();
    const secret = join(await tempFolder(), 'secret');
    const path = fileOf(folder, image.digest);
    await rename(path, secret);
    await symlink(secret, path);
    const source = await openLayout(folder);
    expect((await failure(source.manifest(image))).code).toBe('CONTENT_INVALID');
    expect((await failure(source.blob(image))).code).toBe('CONTENT_INVALID');
    await rm(path);
    await rename(secret, path);
    await rename(join(folder, 'blobs/sha256'), secret);
    await symlink(secret, join(folder, 'blobs/sha256'));
    expect((await failure((await openLayout(folder)).manifest(image))).code).toBe('CONTENT_INVALID');
    const sink = await createLayout(folder);
    expect((await failure(sink.putBlob(blobFrom('text/plain', Buffer.from('new'))))).code).toBe(
      'CONTENT_INVALID',
    );
    await sink.abandon?.();
    await rename(join(folder, 'index.json'), join(folder, 'elsewhere.json'));
    await symlink('elsewhere.json', join(folder, 'index.json'));
    expect((await failure((await openLayout(folder)).resolve('1'))).code).toBe('CONTENT_INVALID');
  });

  it('is refused: a folder for writers that is a link', async () => {
    const { folder } = await sample();
    const elsewhere = await tempFolder();
    await mkdir(join(elsewhere, 'writer-mine'));
    await symlink(elsewhere, join(folder, '.ocilot'));
    expect((await failure(createLayout(folder))).code).toBe('CONTENT_INVALID');
    expect((await failure(layoutGc(folder))).code).toBe('CONTENT_INVALID');
    expect(await readdir(elsewhere)).toEqual(['writer-mine']);
  });

  it.each([
    ['not JSON', '{', 'CONTENT_INVALID'],
    ['a list', '[]', 'CONTENT_INVALID'],
    ['without manifests', '{"schemaVersion":2}', 'CONTENT_INVALID'],
    ['with a bad descriptor', '{"manifests":[{"digest":"sha256:1"}]}', 'CONTENT_INVALID'],
  ])('is refused: an index.json that is %s', async (_, text, code) => {
    const { folder } = await sample();
    await writeFile(join(folder, 'index.json'), text);
    expect((await failure((await openLayout(folder)).resolve('1'))).code).toBe(code);
    expect((await failure(createLayout(folder))).code).toBe(code);
    expect((await failure(layoutGc(folder))).code).toBe(code);
    expect(await readFile(join(folder, 'index.json'), 'utf8')).toBe(text);
  });

  it('is refused: a folder that is no layout, a layout of another version, one that is not there', async () => {
    const folder = await tempFolder();
    expect((await failure(openLayout(join(folder, 'none')))).code).toBe('INVALID_OPTION');
    expect((await failure(openLayout(folder))).code).toBe('INVALID_OPTION');
    await writeFile(join(folder, 'thesis.txt'), 'mine');
    expect((await failure(createLayout(folder))).message).toContain('thesis.txt');
    expect(await readdir(folder)).toEqual(['thesis.txt']);
    const { folder: layout } = await sample();
    await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
    expect((await failure(openLayout(layout))).code).toBe('UNSUPPORTED');
  });

  it('says which blob is missing or has another size', async () => {
    const { folder, image } = await sample();
    const source = await openLayout(folder);
    await writeFile(fileOf(folder, image.digest), 'short');
    expect(await failure(source.blob(image))).toMatchObject({ code: 'DIGEST_MISMATCH' });
    await rm(fileOf(folder, image.digest));
    expect(await failure(source.blob(image))).toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect((await failure(source.manifest(image))).message).toContain(
      `does not have manifest ${image.digest}`,
    );
  });
});

describe('shared blobs', () => {
  it('lie in a folder of their own for several layouts', async () => {
    const folder = await tempFolder();
    const shared = join(folder, 'shared');
    for (const name of ['one', 'two']) {
      const sink = await createLayout(join(folder, name), { sharedBlobs: shared });
      await putImage(sink, { seed: 'a', tags: [name] });
      await sink.finish?.();
      expect((await readdir(join(folder, name))).toSorted()).toEqual(['index.json', 'oci-layout']);
    }
    expect(await readdir(shared)).toEqual(['sha256']);
    const source = await openLayout(join(folder, 'two'), { sharedBlobs: shared });
    const found = await source.resolve('two');
    if (found === undefined) throw new Error('not found');
    expect(parseManifest(await readManifest(source, found)).kind).toBe('image');
  });
});

describe('the lock', () => {
  it('of a process that is gone is taken over', async () => {
    const { folder } = await sample();
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    await mkdir(join(folder, '.ocilot'));
    const claim = { ...thisProcess(), pid: child.pid, start: 'before', id: 'dead' };
    await writeFile(join(folder, '.ocilot/lock'), JSON.stringify(claim));
    const sink = await createLayout(folder);
    await putImage(sink, { seed: 'c', tags: ['c'] });
    await sink.finish?.();
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('of a living one is respected, until the signal', async () => {
    const { folder } = await sample();
    await mkdir(join(folder, '.ocilot'));
    await writeFile(join(folder, '.ocilot/lock'), JSON.stringify({ ...thisProcess(), id: 'alive' }));
    const stop = new AbortController();
    const waiting = createLayout(folder, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(await readFile(join(folder, '.ocilot/lock'), 'utf8')).toContain('alive');
  });
});

/** Makes its blobs an hour old: one as young as a collection stays, since a writer may count on it. */
async function age(folder: string): Promise<void> {
  const blobs = join(folder, 'blobs/sha256');
  const past = new Date(Date.now() - 3_600_000);
  for (const name of await readdir(blobs)) await utimes(join(blobs, name), past, past);
}

describe('layoutGc', () => {
  it('takes away what the index does not lead to, and keeps artifacts and things of unknown types', async () => {
    const { folder } = await sample();
    const names = async (): Promise<string[]> => (await readdir(join(folder, 'blobs/sha256'))).toSorted();
    const before = await names();
    const sink = await createLayout(folder);
    const unknown = blobFrom('application/vnd.example.thing', Buffer.from('leaf'));
    await sink.putBlob(unknown);
    const thing = blobFrom(
      'application/vnd.example.list+json',
      Buffer.from(JSON.stringify({ parts: [{ digest: unknown.descriptor.digest }] })),
    );
    await sink.putBlob(thing);
    const gone = await putImage(sink, { seed: 'gone' });
    await sink.finish?.();
    const index = await indexOf(folder);
    await writeFile(
      join(folder, 'index.json'),
      JSON.stringify({ ...index, manifests: [...index.manifests, thing.descriptor] }),
    );
    await age(folder);
    const report = await layoutGc(folder);
    expect(report.removed).toContain(gone.digest);
    expect(report.removed).toHaveLength(3);
    expect(await names()).toEqual(
      [...before, hexOf(thing.descriptor.digest), hexOf(unknown.descriptor.digest)].toSorted(),
    );
    expect(report.kept).toBe(before.length + 2);
    expect((await layoutGc(folder)).removed).toEqual([]);
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('leaves what a living writer has put or counts on, and clears up after a dead one', async () => {
    const { folder } = await sample();
    const old = blobFrom('text/plain', Buffer.from('old'));
    const unused = blobFrom('text/plain', Buffer.from('unused'));
    const before = await createLayout(folder);
    for (const blob of [old, unused]) await before.putBlob(blob);
    await before.finish?.();
    await age(folder);
    const dead = join(folder, '.ocilot/writer-dead');
    const writer = await createLayout(folder);
    await mkdir(dead);
    await writeFile(join(dead, 'owner.json'), JSON.stringify({ ...thisProcess(), start: 'before' }));
    await writeFile(join(dead, 'half'), 'half a blob');
    expect(await writer.putBlob(old)).toBe('present');
    const fresh = blobFrom('text/plain', Buffer.from('fresh'));
    await writer.putBlob(fresh);
    expect((await layoutGc(folder)).removed).toEqual([unused.descriptor.digest]);
    await expect(stat(dead)).rejects.toThrow('ENOENT');
    await writer.finish?.();
    await age(folder);
    expect((await layoutGc(folder)).removed.toSorted()).toEqual(
      [fresh.descriptor.digest, old.descriptor.digest].toSorted(),
    );
  });

  it('takes nothing away when a document is damaged', async () => {
    const { folder, image } = await sample();
    const before = await readdir(join(folder, 'blobs/sha256'));
    const bytes = await readFile(fileOf(folder, image.digest));
    await writeFile(
      fileOf(folder, image.digest),
      Buffer.from(bytes.toString().replace('schemaVersion', 'schemaversion')),
    );
    expect((await failure(layoutGc(folder))).code).toBe('DIGEST_MISMATCH');
    expect(await readdir(join(folder, 'blobs/sha256'))).toEqual(before);
  });
});
