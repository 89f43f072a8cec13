import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OciError, describe as descriptorOf, digestOf, type Blob, type Progress } from '../../oci/index.js';
import { withLock } from '../../image/layout/lock.js';
import { fetchToFile } from '../../image/partial-file.js';
import { bytesOf } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';

const BYTES = bytesOf('partial', 10_000);
const GONE = new OciError('NETWORK', 'the connection was closed');

/** A blob in memory, in chunks of 1000 bytes, that breaks off after so many bytes of each stream. */
function blobOf(bytes: Uint8Array, breaks: readonly number[] = []): Blob & { readonly from: number[] } {
  const from: number[] = [];
  async function* read(start: number, limit: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < bytes.byteLength; at += 1000) {
      if (at - start >= limit) throw GONE;
      yield bytes.subarray(at, at + 1000);
    }
  }
  return {
    descriptor: descriptorOf('application/octet-stream', BYTES),
    from,
    open({ range } = {}) {
      const start = range?.start ?? 0;
      from.push(start);
      return Promise.resolve(read(start, breaks[from.length - 1] ?? Infinity));
    },
  };
}

async function place(): Promise<{ folder: string; path: string; names: () => Promise<string[]> }> {
  const folder = await tempFolder();
  return { folder, path: join(folder, 'blob'), names: async () => (await readdir(folder)).toSorted() };
}

describe('fetchToFile', () => {
  it('leaves nothing but the file, and replaces one of that name', async () => {
    const { path, names } = await place();
    await writeFile(path, 'old');
    const events: Progress[] = [];
    const blob = blobOf(BYTES);
    await fetchToFile(blob, path, { onProgress: (event) => events.push(event) });
    expect(Buffer.compare(await readFile(path), BYTES)).toBe(0);
    expect(await names()).toEqual(['blob']);
    expect(events).toHaveLength(10);
    expect(events.at(-1)).toEqual({ type: 'bytes', descriptor: blob.descriptor, sent: 10_000 });
  });

  it('keeps what came, and goes on from there', async () => {
    const { path, names } = await place();
    const blob = blobOf(BYTES, [3000, 2000]);
    await expect(fetchToFile(blob, path)).rejects.toBe(GONE);
    expect(await names()).toEqual(['blob.partial']);
    expect(Buffer.compare(await readFile(`${path}.partial`), BYTES.subarray(0, 3000))).toBe(0);
    await expect(fetchToFile(blob, path)).rejects.toBe(GONE);
    await fetchToFile(blob, path);
    await expect(fetchToFile(blobOf(BYTES, [0]), `${path}2`)).rejects.toBe(GONE);
    expect(blob.from).toEqual([0, 3000, 5000]);
    expect(digestOf(await readFile(path))).toBe(blob.descriptor.digest);
    expect(await names()).toEqual(['blob']);
  });

  it.each([
    ['whole', BYTES, []],
    ['whole and damaged', bytesOf('damaged', 10_000), [0]],
    ['damaged', bytesOf('damaged', 4000), [4000, 0]],
    ['too long', bytesOf('long', 10_001), [0]],
    ['empty', new Uint8Array(0), [0]],
  ])('makes the best of what an earlier try left: %s', async (_, left, from) => {
    const { path, names } = await place();
    await writeFile(`${path}.partial`, left);
    const blob = blobOf(BYTES);
    await fetchToFile(blob, path);
    expect(blob.from).toEqual(from);
    expect(Buffer.compare(await readFile(path), BYTES)).toBe(0);
    expect(await names()).toEqual(['blob']);
  });

  it.each([
    ['others', bytesOf('wrong', 10_000)],
    ['too few', BYTES.subarray(0, 9999)],
    ['too many', Buffer.concat([BYTES, BYTES])],
  ])('keeps nothing of bytes that are %s', async (_, wrong) => {
    const { path, names } = await place();
    await expect(fetchToFile(blobOf(wrong), path)).rejects.toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
    expect(await names()).toEqual([]);
  });

  it('does not touch a file that another one fills', async () => {
    const { path, names } = await place();
    await writeFile(`${path}.partial`, BYTES.subarray(0, 5000));
    await withLock(join(`${path}.partial.lock`, 'owner'), async () => {
      const blob = blobOf(BYTES);
      await fetchToFile(blob, path);
      expect(blob.from).toEqual([0]);
      await expect(fetchToFile(blobOf(BYTES, [100]), path)).rejects.toBe(GONE);
    });
    expect(Buffer.compare(await readFile(path), BYTES)).toBe(0);
    expect(await readFile(`${path}.partial`)).toHaveLength(5000);
    expect(await names()).toEqual(['blob', 'blob.partial']);
  });

  it('makes an empty file of an empty blob, and writes through no link', async () => {
    const { folder, path } = await place();
    const empty: Blob = {
      descriptor: descriptorOf('text/plain', new Uint8Array(0)),
      open: () => Promise.reject(new Error('not needed')),
    };
    await fetchToFile(empty, path);
    expect(await readFile(path)).toHaveLength(0);
    await mkdir(join(folder, 'other'));
    await symlink(join(folder, 'other', 'file'), join(folder, 'linked.partial'));
    await expect(fetchToFile(blobOf(BYTES), join(folder, 'linked'))).rejects.toThrow(/ELOOP/);
    expect(await readdir(join(folder, 'other'))).toEqual([]);
  });
});
