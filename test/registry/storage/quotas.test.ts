import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf, streamOf, type Digest } from '../../../oci/index.js';
import { keys } from '../../../registry/storage/keys.js';
import { openStore } from '../../../registry/storage/open.js';
import { put } from '../../../registry/storage/records.js';
import type { Store } from '../../../registry/storage/store.js';
import { encode } from '../../../registry/storage/values.js';
import { bytesOf } from '../../helpers/content.js';
import { problemsOf } from '../../helpers/storage/consistency.js';
import { tempFolder } from '../../helpers/temp.js';

type Quotas = Readonly<Record<string, number>>;

const rulesOf = (quotas: Quotas): { quotas: { prefix: string; bytes: number }[]; inlineLimit: number } => ({
  quotas: Object.entries(quotas).map(([prefix, bytes]) => ({ prefix, bytes })),
  inlineLimit: 1000,
});

async function openMemory(quotas: Quotas): Promise<Store> {
  const store = await openStore({ kind: 'memory' }, { rules: rulesOf(quotas) });
  onTestFinished(() => store.close());
  return store;
}

async function push(
  store: Store,
  repo: string,
  seed: string,
  size: number,
  length?: number,
): Promise<Digest> {
  const bytes = bytesOf(seed, size);
  const digest = digestOf(bytes);
  await store.uploads.put(repo, digest, streamOf(bytes), length === undefined ? {} : { length });
  return digest;
}

const DENIED = expect.objectContaining({ code: 'DENIED' }) as unknown;

describe('a quota', () => {
  it('counts each blob once below its prefix, whichever of its repositories has it', async () => {
    const store = await openMemory({ team: 10_000, 'team/app': 4000, '': 100_000 });
    const digest = await push(store, 'team', 'a', 3000);
    await push(store, 'team/app', 'a', 3000);
    await store.blobs.link('team/app/deep', digest);
    await store.blobs.link('teams', digest);
    const used = (): Promise<number[]> =>
      Promise.all(['team', 'team/app', ''].map((prefix) => store.quotas.used(prefix)));
    expect(await used()).toEqual([3000, 3000, 3000]);
    await store.blobs.delete('team/app', digest);
    expect(await used()).toEqual([3000, 3000, 3000]);
    await store.blobs.delete('team/app/deep', digest);
    expect(await used()).toEqual([3000, 0, 3000]);
    await store.blobs.delete('team', digest);
    expect(await used()).toEqual([0, 0, 3000]);
    await store.blobs.delete('teams', digest);
    expect(await used()).toEqual([0, 0, 0]);
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('is kept by pushes that say how long they are, and by those that do not', async () => {
    const store = await openMemory({ team: 5000 });
    await expect(push(store, 'team/a', 'a', 5001, 5001)).rejects.toEqual(DENIED);
    await expect(push(store, 'team/a', 'a', 5001)).rejects.toEqual(DENIED);
    await push(store, 'team/a', 'b', 5000, 5000);
    await expect(push(store, 'team/b', 'c', 1)).rejects.toEqual(DENIED);
    await push(store, 'other', 'a', 5001);
    await push(store, 'team/b', 'b', 0);
    expect(await store.quotas.used('team')).toBe(5000);
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('is kept by mounts', async () => {
    const store = await openMemory({ team: 5000 });
    const large = await push(store, 'elsewhere', 'a', 5001);
    const fits = await push(store, 'elsewhere', 'b', 5000);
    await expect(store.blobs.link('team/a', large)).rejects.toEqual(DENIED);
    expect(await store.blobs.link('team/a', fits)).toBe(true);
    expect(await store.blobs.link('team/b', fits)).toBe(true);
    expect(await store.repositories.exists('team/c')).toBe(false);
    expect(await store.quotas.used('team')).toBe(5000);
  });

  it('holds room for uploads on their way, and gives it back', async () => {
    const store = await openMemory({ team: 5000 });
    let go = (): void => undefined;
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield bytesOf('slow', 1000);
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      yield bytesOf('slow', 4000).subarray(1000);
    };
    const digest = digestOf(bytesOf('slow', 4000));
    const uploading = store.uploads.put('team/a', digest, slow(), { length: 4000 });
    await expect
      .poll(() =>
        push(store, 'team/b', 'b', 1001).then(
          () => 'taken',
          () => 'denied',
        ),
      )
      .toBe('denied');
    const mounted = await push(store, 'elsewhere', 'e', 1001);
    await expect(store.blobs.link('team/b', mounted)).rejects.toEqual(DENIED);
    await push(store, 'team/b', 'c', 1000);
    go();
    await uploading;
    expect(await store.quotas.used('team')).toBe(5000);
    await store.blobs.delete('team/a', digest);
    await push(store, 'team/b', 'd', 4000);
  });

  it('counts the bytes of an upload from one request to the next, until it ends', async () => {
    const store = await openMemory({ team: 5000 });
    const { uploads } = store;
    const first = await uploads.start('team/a');
    await uploads.append('team/a', first.id, streamOf(bytesOf('a', 3000)));
    const second = await uploads.start('team/b');
    await expect(uploads.append('team/b', second.id, streamOf(bytesOf('b', 2001)))).rejects.toEqual(DENIED);
    await uploads.append('team/b', second.id, streamOf(bytesOf('b', 2000)));
    await expect(push(store, 'team/c', 'c', 1)).rejects.toEqual(DENIED);
    await uploads.cancel('team/b', second.id);
    await push(store, 'team/c', 'c', 2000);
    const wrong = uploads.finish('team/a', first.id, digestOf('other'), streamOf());
    await expect(wrong).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    await expect(push(store, 'team/c', 'd', 1)).rejects.toEqual(DENIED);
    await uploads.finish('team/a', first.id, digestOf(bytesOf('a', 3000)), streamOf());
    expect(await store.quotas.used('team')).toBe(5000);
    await store.blobs.delete('team/a', digestOf(bytesOf('a', 3000)));
    await push(store, 'team/c', 'e', 3000);
  });

  it.each([500, 3000])('still counts an upload of %d bytes when the store is opened again', async (size) => {
    const folder = await tempFolder();
    let time = 1_000_000;
    const open = async (): Promise<Store> =>
      openStore({ kind: 'auto', folder }, { rules: rulesOf({ team: 5000 }), now: () => time });
    const first = await open();
    const { id } = await first.uploads.start('team/a');
    await first.uploads.append('team/a', id, streamOf(bytesOf('a', size)));
    await first.close();
    const second = await open();
    onTestFinished(() => second.close());
    await expect(push(second, 'team/b', 'b', 5001 - size)).rejects.toEqual(DENIED);
    await push(second, 'team/b', 'b', 5000 - size);
    time += second.core.rules.uploadExpiry;
    expect(await second.collect()).toMatchObject({ uploads: 1 });
    await push(second, 'team/b', 'c', size);
  });

  it('is not exceeded by two mounts at once', async () => {
    const store = await openMemory({ team: 5000 });
    const digests = await Promise.all(['a', 'b', 'c'].map((seed) => push(store, 'elsewhere', seed, 2000)));
    const mounts = await Promise.allSettled(
      digests.map((digest, at) => store.blobs.link(`team/${at}`, digest)),
    );
    expect(mounts.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(await store.quotas.used('team')).toBe(4000);
  });

  it('that refuses an upload late leaves no bytes behind', async () => {
    const store = await openMemory({ team: 5000 });
    const bytes = bytesOf('x', 3000);
    const { id } = await store.uploads.start('team/a');
    await store.uploads.append('team/a', id, streamOf(bytes));
    const late = (async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.of(1);
      // The count itself is what cannot be exceeded, whatever the reservations say.
      await store.core.records.commit([put(keys.quota('team'), encode(4000))]);
    })();
    const digest = digestOf(Buffer.concat([bytes, Buffer.of(1)]));
    await expect(store.uploads.finish('team/a', id, digest, late)).rejects.toEqual(DENIED);
    await store.core.records.commit([put(keys.quota('team'), encode(0))]);
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
    expect(await store.uploads.status('team/a', id)).toEqual({ id, size: 0 });
  });

  it('is counted when it is new, and forgotten when it is gone', async () => {
    const folder = await tempFolder();
    const open = async (quotas: Quotas): Promise<Store> =>
      openStore({ kind: 'auto', folder }, { rules: rulesOf(quotas) });
    const first = await open({});
    const digest = await push(first, 'team/a', 'a', 3000);
    await first.blobs.link('team', digest);
    await push(first, 'team/a', 'b', 500);
    await push(first, 'x', 'c', 70);
    await first.close();
    const second = await open({ team: 9000, '': 9000 });
    expect([await second.quotas.used('team'), await second.quotas.used('')]).toEqual([3500, 3570]);
    await second.close();
    const third = await open({});
    await third.blobs.delete('x', digestOf(bytesOf('c', 70)));
    await third.close();
    const fourth = await open({ '': 9000 });
    expect(await fourth.quotas.used('')).toBe(3500);
    await fourth.close();
  });
});
