import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf, streamOf } from '../../../oci/index.js';
import { openLevel } from '../../../registry/storage/open-level.js';
import { openStore } from '../../../registry/storage/open.js';
import { describeSelf } from '../../../registry/storage/process-facts.js';
import { put } from '../../../registry/storage/records.js';
import type { Store } from '../../../registry/storage/store.js';
import { bytesOf, putImage } from '../../helpers/content.js';
import { problemsOf } from '../../helpers/storage/consistency.js';
import { readBlob } from '../../helpers/storage/ledger.js';
import { tempFolder } from '../../helpers/temp.js';

const HOUR = 60 * 60 * 1000;
const KINDS = ['auto', 'leveldb'] as const;

/** Makes a closed folder look as if its owner had died. */
async function abandon(folder: string, boot?: string): Promise<void> {
  const claim = {
    ...(await describeSelf()),
    pid: 2 ** 30,
    state: 'owner',
    ...(boot === undefined ? {} : { boot }),
  };
  writeFileSync(join(folder, 'owner', 'dead.json'), JSON.stringify(claim));
}

async function open(...args: Parameters<typeof openStore>): Promise<Store> {
  const store = await openStore(...args);
  onTestFinished(() => store.close().catch(() => undefined));
  return store;
}

describe.each(KINDS)('a %s folder', (kind) => {
  it('is made with the folders above it, and has its content when it is opened again', async () => {
    const folder = join(await tempFolder(), 'a', 'b');
    const store = await open({ kind, folder });
    const image = await putImage(store, 'app', { seed: 'a', layers: [700_000, 10], tags: ['1'] });
    await store.close();
    const again = await open({ kind, folder });
    expect((await again.tags.get('app', '1'))?.digest).toBe(image.digest);
    for (const digest of [...image.layers, image.config])
      expect(digestOf((await readBlob(again, 'app', digest)) ?? '')).toBe(digest);
    expect(await problemsOf(again, { orphans: true })).toEqual([]);
  });

  it('is opened once, and what the first one stores is not lost', async () => {
    const folder = await tempFolder();
    const store = await open({ kind, folder });
    await expect(openStore({ kind, folder })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await putImage(store, 'app', { seed: 'a', tags: ['1'] });
    await expect(openStore({ kind, folder })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await store.close();
    const again = await open({ kind, folder });
    expect(await again.tags.list('app', { limit: 9 })).toEqual(['1']);
  });

  it('that several open at once, and that is not there yet, goes to one of them', async () => {
    const folder = join(await tempFolder(), 'a', 'b', 'c');
    const opening = await Promise.allSettled(Array.from({ length: 8 }, () => open({ kind, folder })));
    const refused = opening.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(refused).toHaveLength(7);
    for (const error of refused) expect(error).toMatchObject({ code: 'STORE_LOCKED' });
  });

  it('keeps open uploads across a restart, and after a power loss what is sure of them', async () => {
    const folder = await tempFolder();
    const content = bytesOf('x', 2_000_000);
    const rules = { inlineLimit: 1000 };
    const store = await open({ kind, folder }, { rules });
    const { id } = await store.uploads.start('app');
    await store.uploads.append('app', id, streamOf(content.subarray(0, 800)));
    const few = await store.uploads.start('app');
    await store.uploads.append('app', few.id, streamOf(content.subarray(0, 900)));
    await store.uploads.append('app', id, streamOf(content.subarray(800, 1_500_000)));
    await store.close();

    const killed = await open({ kind, folder }, { rules });
    expect(await killed.uploads.status('app', id)).toEqual({ id, size: 1_500_000 });
    await killed.close();
    await abandon(folder, 'another boot');
    const rebooted = await open({ kind, folder }, { rules });
    expect(await rebooted.uploads.status('app', id)).toEqual({ id, size: 0 });
    expect(await rebooted.uploads.status('app', few.id)).toEqual({ id: few.id, size: 900 });
    await rebooted.uploads.finish('app', id, digestOf(content), streamOf(content));
    expect(await problemsOf(rebooted, { orphans: true })).toEqual([]);
  });
});

describe('an unclean end', () => {
  it('puts off collection for the time of a lease, whatever is opened and closed meanwhile', async () => {
    const folder = await tempFolder();
    let time = 10 * HOUR;
    const now = (): number => time;
    const storage = { kind: 'auto', folder } as const;
    await (await open(storage, { now })).close();
    await abandon(folder);
    // None of these looks after the store.
    await expect(openStore({ kind: 'leveldb', folder })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const first = await open(storage, { now });
    expect(first.collectAfter).toBe(11 * HOUR);
    time += HOUR / 2;
    await first.close();
    const second = await open(storage, { now });
    expect(second.collectAfter).toBe(11 * HOUR);
    await second.uploads.put('app', digestOf('x'), streamOf(Buffer.from('x')));
    time += HOUR / 2 - 1;
    expect(await second.collect()).toMatchObject({ blobs: 0 });
    time += HOUR;
    expect(await second.collect()).toMatchObject({ blobs: 1 });
  });

  it('in the future of a clock that was set back does not put it off for longer', async () => {
    const folder = await tempFolder();
    const storage = { kind: 'auto', folder } as const;
    await (await open(storage, { now: () => 0 })).close();
    await abandon(folder);
    await (await open(storage, { now: () => 100 * HOUR })).close();
    expect((await open(storage, { now: () => HOUR })).collectAfter).toBe(2 * HOUR);
  });
});

describe('a folder that cannot be opened', () => {
  it('says why, and can be opened when that is mended', async () => {
    const folder = await tempFolder();
    const storage = { kind: 'auto', folder } as const;
    await (await open(storage)).close();
    const current = join(folder, 'db', 'CURRENT');
    writeFileSync(current, 'MANIFEST-999999\n');
    await expect(openStore(storage)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    writeFileSync(current, 'no such thing');
    await expect(openStore(storage)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    const manifest = readdirSync(join(folder, 'db')).find((name) => name.startsWith('MANIFEST'));
    writeFileSync(current, `${manifest}\n`);
    await open(storage);
  });

  it('because a newer version wrote it is left alone', async () => {
    const folder = await tempFolder();
    await (await open({ kind: 'auto', folder })).close();
    const records = await openLevel(join(folder, 'db'));
    await records.commit([put('k!format', Buffer.from('2'))]);
    await records.close();
    await expect(openStore({ kind: 'auto', folder })).rejects.toMatchObject({ code: 'STORE_VERSION' });
    await expect(openStore({ kind: 'auto', folder })).rejects.toMatchObject({ code: 'STORE_VERSION' });
  });

  it('because it is a file is an error that leaves nothing behind', async () => {
    const folder = await tempFolder();
    writeFileSync(join(folder, 'file'), '');
    await expect(openStore({ kind: 'auto', folder: join(folder, 'file') })).rejects.toThrow();
    mkdirSync(join(folder, 'data'));
    await open({ kind: 'auto', folder: join(folder, 'data') });
  });
});
