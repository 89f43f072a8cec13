import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDockerArchive,
  createLayoutArchive,
  openArchive,
  openLayoutArchive,
  verifyArchive,
} from '../../../../image/archive/index.js';
import { encodePartHeader, parsePartHeader } from '../../../../image/archive/parts/header.js';
import type { Sink } from '../../../../image/media.js';
import { tempFolder } from '../../../helpers/temp.js';
import { all, failure, putImage } from '../../content.js';
import { archived } from '../helpers.js';

const SPLIT = 4096;

const fill = (sink: Sink): Promise<unknown> => putImage(sink, { seed: 'a', layers: ['none'], tags: ['1'] });

/** A split archive in a folder, and what it is in one piece. */
async function split(
  size = SPLIT,
): Promise<{ folder: string; path: string; whole: Buffer; files: string[] }> {
  const folder = await tempFolder();
  const path = join(folder, 'a.tar');
  const sink = await createLayoutArchive({ path, split: size }, { seal: true });
  await fill(sink);
  await sink.finish?.();
  const names = (await readdir(folder)).toSorted();
  return {
    folder,
    path,
    whole: await archived({ seal: true }, fill),
    files: names.map((n) => join(folder, n)),
  };
}

const at = (files: readonly string[], index: number): string => files[index] ?? '';

describe('an archive in parts', () => {
  it('is the tar in pieces, each behind a header and none larger than was asked for', async () => {
    const { files, whole } = await split();
    expect(files.map((file) => file.slice(-9))).toEqual(['a.tar.001', 'a.tar.002', 'a.tar.003']);
    const parts = await Promise.all(files.map((file) => readFile(file)));
    expect(parts.map(({ length }) => length).slice(0, -1)).toEqual([SPLIT, SPLIT]);
    expect(Buffer.concat(parts.map((part) => part.subarray(512))).equals(whole)).toBe(true);
    const header = parsePartHeader(parts[1]?.subarray(0, 512) ?? new Uint8Array(0), 'x');
    expect(header).toMatchObject({ part: 2, of: 3, start: 3584, size: 3584, total: whole.length });
  });

  it('is opened by the name of any part, and by the name of all', async () => {
    const { path, files } = await split();
    for (const name of [path, ...files]) {
      const source = await openArchive(name);
      const image = await source.resolve('1');
      expect(image).toBeDefined();
      if (image !== undefined) expect(await source.manifest(image)).toHaveLength(image.size);
      await source.close();
      expect(await verifyArchive(name)).toMatchObject({ sealed: true, blobs: 3, problems: [] });
    }
  });

  it('is opened whatever its parts are called, as long as a number ends their names', async () => {
    const { folder, path, files } = await split();
    await rename(at(files, 0), join(folder, 'a.tar.004'));
    await rename(at(files, 2), join(folder, 'a.tar.001'));
    expect((await verifyArchive(path)).problems).toEqual([]);
    await rename(at(files, 1), join(folder, 'other'));
    const { code, message } = await failure(openLayoutArchive(join(folder, 'other')));
    expect(code).toBe('INVALID_OPTION');
    expect(message).toContain('is a part of a split archive');
  });

  it('names every part that is missing', async () => {
    const { path, files } = await split();
    for (const [index, file] of files.entries()) {
      const bytes = await readFile(file);
      await rm(file);
      const { problems } = await verifyArchive(path);
      expect(problems.map(({ reason }) => reason).join()).toContain(
        `part ${index + 1} of 3 is missing: ${file} is not there`,
      );
      expect((await failure(openLayoutArchive(file))).code).toBe('CONTENT_INVALID');
      await writeFile(file, bytes);
    }
    await rm(at(files, 0));
    await rm(at(files, 2));
    expect((await failure(openLayoutArchive(path))).message).toMatch(/part 1 of 3 .*; part 3 of 3/);
  });

  it('names the part of any byte that is changed, and any cut', async () => {
    const { path, files } = await split();
    const whole = await Promise.all(files.map((file) => readFile(file)));
    const place = fc
      .nat({ max: files.length - 1 })
      .chain((index) => fc.tuple(fc.constant(index), fc.nat({ max: (whole[index]?.length ?? 1) - 1 })));
    await fc.assert(
      fc.asyncProperty(
        place,
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async ([index, byte], flip, cut) => {
          const file = at(files, index);
          const bytes = whole[index] ?? Buffer.alloc(0);
          const damaged = cut ? bytes.subarray(0, byte) : Buffer.from(bytes);
          if (!cut) damaged[byte] = (damaged[byte] ?? 0) ^ flip;
          await writeFile(file, damaged);
          const { problems } = await verifyArchive(path);
          await writeFile(file, bytes);
          const reasons = problems.map(({ reason }) => reason).join('; ');
          expect(reasons).toMatch(new RegExp(`part .*${file.slice(-9)}|${file.slice(-9)} is not what was`));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('tells parts of another archive', async () => {
    const first = await split();
    const second = await split(5000);
    await writeFile(at(first.files, 1), await readFile(at(second.files, 1)));
    expect((await failure(openArchive(first.path))).message).toContain('a.tar.002 is of another archive');
  });

  it('leaves nothing of an earlier archive of more parts, and other files alone', async () => {
    const { folder, path } = await split(2048);
    await writeFile(join(folder, 'a.tar.777'), 'a diary');
    const sink = await createLayoutArchive({ path, split: 8192 }, { seal: true });
    await fill(sink);
    await sink.finish?.();
    expect((await readdir(folder)).toSorted()).toEqual(['a.tar.001', 'a.tar.002', 'a.tar.777']);
    await rm(join(folder, 'a.tar.777'));
    expect((await verifyArchive(path)).problems).toEqual([]);
  });

  it('is not there before it is whole, and nothing is left of one that is given up', async () => {
    const folder = await tempFolder();
    const sink = await createLayoutArchive({ path: join(folder, 'a.tar'), split: 1024 });
    await fill(sink);
    expect((await readdir(folder)).filter((name) => name.startsWith('a'))).toEqual([]);
    await sink.abandon?.();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused where it could not be told from a file, and in parts that are too small', async () => {
    const { folder } = await split();
    await writeFile(join(folder, 'b.tar'), '');
    for (const target of [
      { path: join(folder, 'b.tar'), split: 4096 },
      { path: join(folder, 'c.tar'), split: 100 },
    ])
      expect((await failure(createLayoutArchive(target))).code).toBe('INVALID_OPTION');
  });

  it('may be an archive of any kind, whose parts are then checked by their own digests', async () => {
    const folder = await tempFolder();
    const path = join(folder, 'd.tar');
    const sink = await createDockerArchive({ path, split: 2048 });
    await fill(sink);
    await sink.finish?.();
    const source = await openArchive(path);
    expect(await all(source.roots?.())).toHaveLength(1);
    await source.close();
    expect(await verifyArchive(path)).toMatchObject({ sealed: false, problems: [] });
    const last = (await readdir(folder)).toSorted().at(-1) ?? '';
    const bytes = await readFile(join(folder, last));
    bytes[bytes.length - 1] = 1;
    await writeFile(join(folder, last), bytes);
    const { problems } = await verifyArchive(path);
    expect(problems.at(-1)).toMatchObject({ entry: last });
  });
});

describe('the header of a part', () => {
  const header = fc.record({
    set: fc.stringMatching(/^[0-9a-f]{64}$/),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    part: fc.integer({ min: 1, max: 9999 }),
    of: fc.constant(9999),
    start: fc.maxSafeNat(),
    size: fc.maxSafeNat(),
    total: fc.maxSafeNat(),
  });

  it('says again what was written, in 512 bytes', () => {
    fc.assert(
      fc.property(header, (written) => {
        const bytes = encodePartHeader(written);
        expect(bytes).toHaveLength(512);
        expect(parsePartHeader(bytes, 'x')).toEqual(written);
      }),
    );
  });

  it('is refused with any byte changed', () => {
    fc.assert(
      fc.property(header, fc.nat({ max: 511 }), fc.integer({ min: 1, max: 255 }), (written, place, flip) => {
        const bytes = Buffer.from(encodePartHeader(written));
        bytes[place] = (bytes[place] ?? 0) ^ flip;
        expect(() => parsePartHeader(bytes, 'x')).toThrow(/part x is damaged/);
      }),
    );
  });
});
