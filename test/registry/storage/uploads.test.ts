import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf, isOciError, streamOf } from '../../../oci/index.js';
import { FileBytes } from '../../../registry/storage/file-bytes.js';
import { nodeFiles, type Files } from '../../../registry/storage/files.js';
import { openDrivers, openStore, openWith, type OpenOptions } from '../../../registry/storage/open.js';
import type { Store } from '../../../registry/storage/store.js';
import { bytesOf } from '../../helpers/content.js';
import { problemsOf } from '../../helpers/storage/consistency.js';
import { Disk } from '../../helpers/storage/disk.js';
import { readBlob } from '../../helpers/storage/ledger.js';
import { SCENE_RULES } from '../../helpers/storage/scenario.js';
import { tempFolder } from '../../helpers/temp.js';

const bytes = bytesOf('upload', 5000);
const digest = digestOf(bytes);
const rules = { inlineLimit: 1000 };

/** A body whose sender goes silent behind some bytes, and what resolves when these were taken. */
function silent(first: Uint8Array): {
  readonly body: AsyncGenerator<Uint8Array>;
  readonly taken: Promise<void>;
} {
  let tell = (): void => undefined;
  const taken = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const body = (async function* (): AsyncGenerator<Uint8Array> {
    yield first;
    tell();
    await new Promise(() => undefined);
  })();
  return { body, taken };
}

async function openMemory(options: OpenOptions = { rules }): Promise<Store> {
  const store = await openStore({ kind: 'memory' }, options);
  onTestFinished(() => store.close());
  return store;
}

describe('an upload', () => {
  it.each(['auto', 'leveldb'] as const)('is over with the commit that links its blob (%s)', async (kind) => {
    const disk = new Disk(kind, 1);
    const store = await disk.open({ rules: SCENE_RULES });
    const { id } = await store.uploads.start('a');
    await store.uploads.append('a', id, streamOf(bytes.subarray(0, 3000)));
    await store.uploads.finish('a', id, digest, streamOf(bytes.subarray(3000)));
    disk.kill();
    disk.steps.disarm();
    const again = await disk.open({ rules: SCENE_RULES });
    await expect(again.uploads.status('a', id)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(await again.blobs.stat('a', digest)).toMatchObject({ size: 5000 });
  });

  it.each(['auto', 'leveldb'] as const)(
    'keeps what came of its first request when the process dies (%s)',
    async (kind) => {
      const disk = new Disk(kind, 1);
      const large = bytesOf('large', 2_500_000);
      const store = await disk.open({ rules: SCENE_RULES });
      const { id } = await store.uploads.start('a');
      const { body, taken } = silent(large.subarray(0, 2_200_000));
      void store.uploads.append('a', id, body).catch(() => undefined);
      await taken;
      disk.kill();
      disk.steps.disarm();
      const again = await disk.open({ rules: SCENE_RULES });
      const { size } = await again.uploads.status('a', id);
      expect(size).toBeGreaterThanOrEqual(kind === 'auto' ? 1 : 1_048_576);
      await again.uploads.finish('a', id, digestOf(large), streamOf(large.subarray(size)));
      expect(digestOf((await readBlob(again, 'a', digestOf(large))) ?? '')).toBe(digestOf(large));
    },
  );

  it('goes to the newest of its requests, and the bytes of two never mix', async () => {
    const store = await openMemory();
    const { id } = await store.uploads.start('a');
    const one = silent(bytes.subarray(0, 1500));
    const first = store.uploads.append('a', id, one.body);
    await one.taken;
    const other = silent(bytes.subarray(1500, 2000));
    const second = store.uploads.append('a', id, other.body, { at: 1500 });
    await expect(first).rejects.toMatchObject({ code: 'BLOB_UPLOAD_INVALID' });
    await other.taken;
    const third = store.uploads.finish('a', id, digest, streamOf(bytes.subarray(2000)), { at: 2000 });
    await expect(second).rejects.toMatchObject({ code: 'BLOB_UPLOAD_INVALID' });
    expect(await third).toBe(5000);
  });

  it('is not opened when too many are open, also after the store was opened again', async () => {
    const folder = await tempFolder();
    const options = { rules: { maxUploads: 2 } };
    const first = await openStore({ kind: 'auto', folder }, options);
    const started = await Promise.allSettled([1, 2, 3].map(() => first.uploads.start('a')));
    expect(started.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    await first.close();
    const second = await openStore({ kind: 'auto', folder }, options);
    onTestFinished(() => second.close());
    await expect(second.uploads.start('a')).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' });
    const [one] = started;
    if (one?.status === 'fulfilled') await second.uploads.cancel('a', one.value.id);
    const { id } = await second.uploads.start('a');
    await expect(second.uploads.start('a')).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' });
    await second.uploads.finish('a', id, digest, streamOf(bytes));
    await second.uploads.start('a');
  });

  it('can be cancelled while its sender is silent', async () => {
    const store = await openMemory();
    const { id } = await store.uploads.start('a');
    const { body, taken } = silent(bytes.subarray(0, 1500));
    const append = store.uploads.append('a', id, body);
    await taken;
    await Promise.all([
      store.uploads.cancel('a', id),
      expect(append).rejects.toMatchObject({ code: 'BLOB_UPLOAD_INVALID' }),
    ]);
    await expect(store.uploads.status('a', id)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('of many requests at once ends in one blob or none', async () => {
    const store = await openMemory();
    const { id } = await store.uploads.start('a');
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => store.uploads.finish('a', id, digest, streamOf(bytes), { at: 0 })),
    );
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(failures.every((error) => isOciError(error))).toBe(true);
    expect(failures.length).toBe(19);
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('expires after its last write, not its first, and its bytes with it', async () => {
    let time = 0;
    const store = await openMemory({ rules: { ...rules, uploadExpiry: 1000 }, now: () => time });
    const { id } = await store.uploads.start('a');
    const idle = await store.uploads.start('a');
    time = 900;
    await store.uploads.append('a', id, streamOf(bytes.subarray(0, 3000)));
    time = 1500;
    expect(await store.uploads.status('a', id)).toMatchObject({ size: 3000 });
    await expect(store.uploads.status('a', idle.id)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(await store.collect()).toMatchObject({ uploads: 1 });
    time = 1900;
    expect(await store.collect()).toMatchObject({ uploads: 1 });
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('is not collected while it takes bytes', async () => {
    let time = 0;
    const store = await openMemory({ rules: { ...rules, uploadExpiry: 1000 }, now: () => time });
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 3000);
      time += 5000;
      await store.collect();
      yield bytes.subarray(3000);
    };
    await store.uploads.put('a', digest, body());
    const { id } = await store.uploads.start('b');
    await store.uploads.append('b', id, body());
    await store.uploads.finish('b', id, digest, streamOf());
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('does not hold more memory than it has bytes', async () => {
    const store = await openMemory();
    const shared = Buffer.alloc(1024 * 1024, 'x');
    const small = shared.subarray(100, 200);
    await store.uploads.put('a', digestOf(small), streamOf(small));
    const kept = await store.core.records.get(`v!${digestOf(small)}`);
    expect(kept?.byteLength).toBe(100);
    // Small buffers share one of Node's.
    expect(kept?.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize + 64);
  });
});

describe('a medium that failed once', () => {
  /** Opens a store on files of which one call fails. */
  async function openFaulty(): Promise<{
    store: Store;
    folder: string;
    failNext: (what: keyof Files | 'fsync') => void;
  }> {
    const folder = await tempFolder();
    const drivers = await openDrivers({ kind: 'auto', folder });
    let failing: string | undefined;
    const check = (what: string): void => {
      if (failing !== what) return;
      failing = undefined;
      throw Object.assign(new Error('EIO: input/output error'), { code: 'EIO' });
    };
    const files: Files = {
      ...nodeFiles,
      async open(path, mode) {
        const file = await nodeFiles.open(path, mode);
        if (file === undefined) return undefined;
        return {
          writev: (buffers, position) => file.writev(buffers, position),
          read: (buffer, position) => file.read(buffer, position),
          size: () => file.size(),
          close: () => file.close(),
          async sync() {
            check('fsync');
            await file.sync();
          },
        };
      },
      async rename(from, to) {
        check('rename');
        await nodeFiles.rename(from, to);
      },
      async remove(path) {
        check('remove');
        await nodeFiles.remove(path);
      },
    };
    const store = await openWith({ ...drivers, bytes: new FileBytes(files, folder) }, { rules });
    onTestFinished(() => store.close());
    return { store, folder, failNext: (what) => (failing = what) };
  }

  it.each(['fsync', 'rename'] as const)('is not trusted with the same bytes again: %s', async (what) => {
    const { store, folder, failNext } = await openFaulty();
    const { id } = await store.uploads.start('a');
    await store.uploads.append('a', id, streamOf(bytes.subarray(0, 3000)));
    failNext(what);
    await expect(store.uploads.finish('a', id, digest, streamOf(bytes.subarray(3000)))).rejects.toThrow(
      'EIO',
    );
    expect(await store.uploads.status('a', id)).toEqual({ id, size: 0 });
    expect(readdirSync(join(folder, 'uploads'))).toEqual([]);
    await store.uploads.finish('a', id, digest, streamOf(bytes), { at: 0 });
    expect(digestOf((await readBlob(store, 'a', digest)) ?? '')).toBe(digest);
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('does not fail a delete that is done, and is asked again by the collector', async () => {
    const { store, failNext } = await openFaulty();
    await store.uploads.put('a', digest, streamOf(bytes));
    failNext('remove');
    await store.blobs.delete('a', digest);
    expect(await problemsOf(store)).toEqual([]);
    expect(await problemsOf(store, { orphans: true })).toHaveLength(1);
    await store.collect();
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('does not keep the collector from the rest, and the failure is told', async () => {
    const { store, failNext } = await openFaulty();
    for (const size of [2000, 2001, 2002]) {
      const orphan = bytesOf('orphan', size);
      const id = store.core.newId();
      await store.core.bytes.begin(id);
      await store.core.bytes.publish(id, digestOf(orphan));
    }
    failNext('remove');
    await expect(store.collect()).rejects.toThrow('EIO');
    expect(await problemsOf(store, { orphans: true })).toHaveLength(1);
    await store.collect();
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });
});
