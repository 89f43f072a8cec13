import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../../testing/index.js';
import { start } from '../cli/run.js';
import { bytesOf } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';
import { fixture } from '../image/tar/helpers.js';
import {
  NAMED,
  archiveOf,
  entriesIn,
  expectRefused,
  expectUntouched,
  flipped,
  ok,
  overlooked,
  packed,
  placesIn,
  site,
} from './damage.js';
import { goldenPath } from './fixtures.js';

/** Bytes from one that is changed to the next. */
const STEP = 61;

describe('one of our archives', () => {
  it.each(['whole', 'differential'] as const)(
    'that is %s is found damaged, and the message names where (test/long changes every byte)',
    async (kind) => {
      await using place = await site();
      const bytes = await archiveOf(place, kind);
      const places = Array.from(
        { length: Math.floor(bytes.length / STEP) },
        (_, turn) => turn * STEP + (turn % STEP),
      );
      expect(await overlooked(places.map((at) => [`byte ${at}`, flipped(bytes, at)]))).toEqual([]);
    },
  );

  it('is refused with a byte changed in any field, body or padding, and the target is as it was', async () => {
    await using place = await site();
    const path = await packed(place);
    const bytes = await readFile(path);
    const places = await placesIn(bytes);
    expect(places.length).toBeGreaterThan(200);
    for (const [turn, at] of places.entries()) {
      if (turn % 5 !== 0 && at < bytes.length - 2048) continue;
      await writeFile(path, flipped(bytes, at));
      await expectRefused(place, path, `byte ${at}`);
    }
    await writeFile(path, bytes);
    await ok('copy', '--tar', path, '--to-repo', `${place.far.host}/app`);
  });

  it('is refused cut in any entry, and with bytes behind its end', async () => {
    await using place = await site();
    const path = await packed(place);
    const bytes = await readFile(path);
    const entries = await entriesIn(bytes);
    const cuts = entries.flatMap(({ begins, body, size }) => [begins + 1, body, body + size - 1]);
    for (const cut of [...cuts, bytes.length - 1024, bytes.length - 512, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, cut));
      await expectRefused(place, path, `cut at ${cut}`);
    }
    // Where an entry begins nothing is half there: only the end is missing.
    for (const { begins, name } of entries.slice(1)) {
      await writeFile(path, bytes.subarray(0, begins));
      await expectRefused(place, path, `cut before ${name}`);
    }
    for (const more of [Buffer.alloc(1, 'x'), Buffer.alloc(512), Buffer.alloc(10_240), bytes]) {
      await writeFile(path, Buffer.concat([bytes, more]));
      await expectRefused(place, path, `${more.length} bytes more`);
    }
  });

  it('is refused with an entry left out, twice there, or in another place', async () => {
    await using place = await site();
    const path = await packed(place);
    const bytes = await readFile(path);
    const entries = await entriesIn(bytes);
    const pieces = entries.map(({ begins }, at) =>
      bytes.subarray(begins, entries[at + 1]?.begins ?? bytes.length - 1024),
    );
    const end = bytes.subarray(-1024);
    for (const [at, { name }] of entries.entries()) {
      // Without its seal it is an archive as other tools write them: all digests of it are checked.
      if (name === 'ocilot-seal.json') continue;
      await writeFile(path, Buffer.concat([...pieces.toSpliced(at, 1), end]));
      await expectRefused(place, path, `without ${name}`);
      await writeFile(path, Buffer.concat([...pieces.toSpliced(at, 0, pieces[at] ?? end), end]));
      await expectRefused(place, path, `${name} twice`);
      if (at === 0) continue;
      await writeFile(
        path,
        Buffer.concat([...pieces.toSpliced(at - 1, 2, pieces[at] ?? end, pieces[at - 1] ?? end), end]),
      );
      await expectRefused(place, path, `${name} one place to the front`);
    }
  });

  it('on the standard input is refused before anything is sent', async () => {
    await using place = await site();
    const bytes = await readFile(await packed(place));
    const entries = await entriesIn(bytes);
    const manifest = entries.findLast(({ name }) => name.startsWith('blobs/')) ?? { body: 0 };
    const damaged = [
      flipped(bytes, 0),
      flipped(bytes, manifest.body + 3),
      flipped(bytes, bytes.length - 1),
      bytes.subarray(0, manifest.body),
      bytes.subarray(0, -512),
      Buffer.concat([bytes, Buffer.from('x')]),
    ];
    const order = ['copy', '--tar', '-', '--to-repo', `${place.far.host}/app`];
    const ended = await Promise.all(damaged.map((input) => start(order, { input }).ended));
    for (const [at, { code, err }] of ended.entries())
      expect([code, err], String(at)).toEqual([1, expect.stringMatching(NAMED)]);
    expectUntouched(place.far, 'the standard input');
    expect(await start(order, { input: bytes }).ended).toMatchObject({ code: 0 });
  });
});

describe('one of our archives in parts', () => {
  const SPLIT = 4096;

  it('is refused by the name of the part that is missing, damaged, cut, longer, another, or there twice', async () => {
    await using place = await site();
    const path = await packed(place, '--split', String(SPLIT));
    const names = (await readdir(place.folder)).filter((name) => /^a\.tar\.\d{3}$/.test(name)).toSorted();
    expect(names.length).toBeGreaterThan(3);
    const parts = await Promise.all(names.map((name) => readFile(join(place.folder, name))));
    for (const [at, name] of names.entries()) {
      const file = join(place.folder, name);
      const own = parts[at] ?? Buffer.alloc(0);
      const other = parts[(at + 1) % parts.length] ?? own;
      const named = new RegExp(name.replaceAll('.', String.raw`\.`));
      await rm(file);
      await expectRefused(place, path, `${name} is missing`, named);
      for (const byte of [5, 200, 500, 511, 512, own.length - 1]) {
        await writeFile(file, flipped(own, byte));
        await expectRefused(place, path, `${name}: byte ${byte}`, named);
      }
      for (const cut of [0, 100, 512, own.length - 1]) {
        await writeFile(file, own.subarray(0, cut));
        await expectRefused(place, path, `${name} cut at ${cut}`, named);
      }
      await writeFile(file, Buffer.concat([own, Buffer.from('x')]));
      await expectRefused(place, path, `${name} with a byte more`, named);
      await writeFile(file, other);
      await expectRefused(place, path, `${name} is what another one is`, NAMED);
      await writeFile(file, own);
    }
    // Parts know their place, whatever number they are called by.
    await rename(join(place.folder, names[0] ?? ''), join(place.folder, 'kept'));
    await rename(join(place.folder, names[1] ?? ''), join(place.folder, names[0] ?? ''));
    await rename(join(place.folder, 'kept'), join(place.folder, names[1] ?? ''));
    await ok('verify', path);
    await ok('copy', '--tar', path, '--to-repo', `${place.far.host}/app`);
  });

  it('is refused with a part of another archive among its own', async () => {
    await using place = await site();
    const path = await packed(place, '--split', String(SPLIT));
    const second = join(place.folder, 'a.tar.002');
    const own = await readFile(second);
    await writeFile(join(place.folder, 'app/notes.txt'), bytesOf('other notes', 3000));
    await ok('push', '-b', `${place.near.host}/app:1`, '-f', join(place.folder, 'app'));
    await packed(place, '--split', String(SPLIT));
    expect((await readFile(second)).equals(own)).toBe(false);
    await writeFile(second, own);
    await expectRefused(place, path, 'a part of the older archive', /a\.tar\.\d{3}/);
  });
});

describe('archives of other tools', () => {
  it.each([
    ['idx.oci.tar', /^(?:\.\/)?blobs\/\w+\/./],
    ['everything.oci.tar', /^(?:\.\/)?blobs\/\w+\/./],
    ['outer.tar', /^sha256-/],
    ['multi.tar', /^sha256-/],
  ])('%s: a byte changed in any blob is found by its digest', async (name, blobName) => {
    await using far = await startRegistry();
    const bytes = name.endsWith('oci.tar') ? fixture(name) : await readFile(goldenPath(name));
    const path = join(await tempFolder(), 'a.tar');
    const blobs = (await entriesIn(bytes)).filter((entry) => blobName.test(entry.name));
    expect(blobs.length).toBeGreaterThan(0);
    for (const { name: entry, body, size } of blobs) {
      const [hex = ''] = /[0-9a-f]{64}/.exec(entry) ?? [];
      for (const at of [body, body + Math.floor(size / 2), body + size - 1]) {
        await writeFile(path, flipped(bytes, at));
        await expectRefused({ folder: '', near: far, far }, path, `${entry} at ${at}`, new RegExp(hex));
      }
    }
  });

  it.each(['outer.tar', 'multi.tar'])(
    '%s: manifests and configs in the list have digests too',
    async (name) => {
      await using far = await startRegistry();
      const bytes = await readFile(goldenPath(name));
      const path = join(await tempFolder(), 'a.tar');
      const list = (await entriesIn(bytes)).find((entry) => entry.name === 'manifest.json');
      const from = list?.body ?? 0;
      const text = bytes.subarray(from, from + (list?.size ?? 0)).toString('latin1');
      // What is inside of the documents is escaped.
      const places = [...text.matchAll(/\\"(?:architecture|os|size|schemaVersion|rootfs)\\"/g)];
      expect(places.length).toBeGreaterThan(2);
      for (const { index } of places) {
        await writeFile(path, flipped(bytes, from + index + 3, 0));
        await expectRefused({ folder: '', near: far, far }, path, `byte ${index}`, /sha256:[0-9a-f]{64}/);
      }
    },
  );
});
