import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeDurably, writeStream } from '../../../image/layout/write-stream.js';
import { streamOf } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';

const MIB = 1 << 20;

/** A file in memory that takes so many bytes a call. */
class FakeFile {
  syncs = 0;
  /** Bytes of each call. */
  readonly calls: number[] = [];
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  readonly #most: number;
  readonly #failing: 'datasync' | 'writev' | undefined;

  constructor(most = Infinity, failing?: 'datasync' | 'writev') {
    this.#most = most;
    this.#failing = failing;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  get handle(): FileHandle {
    return this as unknown as FileHandle;
  }

  async writev(pieces: readonly Uint8Array[], position: number): Promise<{ bytesWritten: number }> {
    if (this.#failing === 'writev') throw full();
    return await Promise.resolve({ bytesWritten: this.#put(Buffer.concat(pieces), position) });
  }

  async write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }> {
    return await Promise.resolve({
      bytesWritten: this.#put(bytes.subarray(offset, offset + length), position),
    });
  }

  async datasync(): Promise<void> {
    this.syncs++;
    if (this.#failing === 'datasync') throw full();
    await Promise.resolve();
  }

  #put(bytes: Uint8Array, position: number): number {
    const taken = bytes.subarray(0, this.#most);
    expect(position).toBe(this.#size);
    this.calls.push(bytes.length);
    this.#pieces.push(taken);
    this.#size += taken.length;
    return taken.length;
  }
}

const full = (): Error => Object.assign(new Error('no space left'), { code: 'ENOSPC' });

describe('writeStream', () => {
  it('writes what comes, in pieces of any size, to files that take only so much at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 50 }),
        async (pieces, most) => {
          const file = new FakeFile(most);
          const size = await writeStream(file.handle, streamOf(...pieces));
          expect(file.bytes.equals(Buffer.concat(pieces))).toBe(true);
          expect(size).toBe(file.bytes.length);
        },
      ),
    );
  });

  it('writes from a position on', async () => {
    const path = join(await tempFolder(), 'file');
    const file = await open(path, 'w');
    await file.write('head');
    expect(await writeStream(file, streamOf(Buffer.from('ta'), Buffer.from('il')), 4)).toBe(4);
    await file.close();
    expect(await readFile(path, 'utf8')).toBe('headtail');
  });

  it('gathers what comes while a write is under way, and holds back what comes too fast', async () => {
    const file = new FakeFile();
    await writeStream(file.handle, streamOf(...Array.from({ length: 64 }, () => Buffer.alloc(MIB / 8))));
    expect(Math.max(...file.calls)).toBeLessThanOrEqual(2 * MIB);
    expect(file.calls.length).toBeLessThan(64);
    expect(file.bytes).toHaveLength(8 * MIB);
    expect(file.syncs).toBe(0);
  });

  it('ends with the failure of a write', async () => {
    const file = new FakeFile(Infinity, 'writev');
    await expect(writeStream(file.handle, streamOf(Buffer.alloc(2 * MIB)))).rejects.toMatchObject({
      code: 'STORE_FULL',
    });
  });

  it('ends with the failure of its stream, when nothing is under way any longer', async () => {
    const file = new FakeFile();
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('some'));
      throw new Error('broken');
    };
    await expect(writeStream(file.handle, broken())).rejects.toThrow('broken');
    expect(file.bytes.toString()).toBe('some');
  });
});

describe('writeDurably', () => {
  const large = Array.from({ length: 40 }, () => Buffer.alloc(MIB));

  it('has the disk keep what was written while more is written', async () => {
    const file = new FakeFile();
    expect(await writeDurably(file.handle, streamOf(...large))).toBe(40 * MIB);
    expect(file.syncs).toBe(1);
  });

  it('ends with the failure of that, which the disk tells only once', async () => {
    const file = new FakeFile(Infinity, 'datasync');
    await expect(writeDurably(file.handle, streamOf(...large))).rejects.toMatchObject({ code: 'STORE_FULL' });
  });
});
