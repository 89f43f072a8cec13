import { describe, expect, it, onTestFinished } from 'vitest';
import {
  MEDIA_TYPES,
  OciError,
  describe as describeContent,
  digestOf,
  encodeJson,
} from '../../../oci/index.js';
import { keys } from '../../../registry/storage/keys.js';
import { openDrivers, openWith, type Drivers, type OpenOptions } from '../../../registry/storage/open.js';
import type { Records } from '../../../registry/storage/records.js';
import type { Store } from '../../../registry/storage/store.js';
import { bytesOf, putBlob, putImage } from '../../helpers/content.js';
import { problemsOf } from '../../helpers/storage/consistency.js';

const LEASE = 1000;

interface Site {
  readonly store: Store;
  readonly clock: { time: number };
  /** While `full` is set every commit finds the disk full. `onGet` is called before each read. */
  readonly disk: { full: boolean; onGet?: ((key: string) => Promise<void>) | undefined };
}

async function open(options: OpenOptions = {}): Promise<Site> {
  const clock = { time: 1_000_000 };
  const disk: Site['disk'] = { full: false };
  const drivers = await openDrivers({ kind: 'memory' });
  const records = Object.assign(Object.create(drivers.records) as Records, {
    async get(key: string) {
      await disk.onGet?.(key);
      return await drivers.records.get(key);
    },
    range: drivers.records.range.bind(drivers.records),
    keys: drivers.records.keys.bind(drivers.records),
    entries: drivers.records.entries.bind(drivers.records),
    async commit(...args: Parameters<Records['commit']>) {
      if (disk.full) throw new OciError('STORE_FULL', 'no space left');
      return await drivers.records.commit(...args);
    },
  });
  const filled: Drivers = { ...drivers, records };
  const store = await openWith(filled, {
    now: () => clock.time,
    ...options,
    rules: { lease: LEASE, ...options.rules },
  });
  onTestFinished(() => store.close());
  return { store, clock, disk };
}

/** Stores an image of one layer that is there, which is its config as well. */
async function putManifestOf(store: Store, repo: string, layer: Uint8Array): Promise<void> {
  const descriptor = describeContent(MEDIA_TYPES.ociLayer, layer);
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: descriptor,
    layers: [descriptor],
  };
  await store.manifests.put(repo, { bytes: encodeJson(document) });
}

describe('what a client was told to exist', () => {
  it('stays for the time of a lease, and goes after it when nothing needs it', async () => {
    const { store, clock } = await open();
    const digest = await putBlob(store, 'a', bytesOf('x', 10));
    clock.time += LEASE - 1;
    expect(await store.collect()).toMatchObject({ blobs: 0 });
    expect(await store.blobs.stat('a', digest)).toBeDefined();
    clock.time += LEASE - 1;
    expect(await store.collect()).toMatchObject({ blobs: 0 });
    clock.time += LEASE;
    expect(await store.collect()).toMatchObject({ blobs: 1, bytes: 10, repositories: 1 });
    expect(await store.blobs.stat('a', digest)).toBeUndefined();
  });

  it('is leased again when it is asked for again, by a write at most once a quarter of a lease', async () => {
    const { store, clock } = await open();
    const digest = await putBlob(store, 'a', bytesOf('x', 10));
    const lease = (): Promise<Uint8Array | undefined> => store.core.records.get(keys.lease('a', digest));
    const ask = async (): Promise<Uint8Array | undefined> => {
      expect(await store.blobs.stat('a', digest)).toBeDefined();
      return await lease();
    };
    clock.time += LEASE / 2;
    const first = await ask();
    clock.time += LEASE / 4 - 1;
    expect(await ask()).toEqual(first);
    clock.time += 1;
    expect(await ask()).not.toEqual(first);
    clock.time += LEASE - 1;
    expect(await store.collect()).toMatchObject({ blobs: 0 });
    clock.time += 1;
    expect(await store.collect()).toMatchObject({ blobs: 1 });
  });

  it('is leased by a push of what is there already, and by a mount', async () => {
    const { store, clock } = await open();
    const digest = await putBlob(store, 'a', bytesOf('x', 10));
    clock.time += LEASE;
    await store.blobs.link('b', digest);
    await putBlob(store, 'a', bytesOf('x', 10));
    clock.time += LEASE / 2;
    expect(await store.collect()).toMatchObject({ blobs: 0 });
  });

  it('can be read when the disk is full, and stays all the same', async () => {
    const { store, clock, disk } = await open();
    const digest = await putBlob(store, 'a', bytesOf('x', 10));
    const image = await putImage(store, 'a', { seed: 'i' });
    clock.time += LEASE * 2;
    disk.full = true;
    expect(await store.blobs.stat('a', digest)).toMatchObject({ size: 10 });
    expect(await store.manifests.get('a', image.digest)).toBeDefined();
    expect(await store.blobs.stat('a', digestOf('nothing'))).toBeUndefined();
    await expect(putBlob(store, 'a', bytesOf('y', 10))).rejects.toMatchObject({ code: 'STORE_FULL' });
    disk.full = false;
    clock.time += LEASE - 1;
    expect(await store.collect({ untagged: true })).toMatchObject({ blobs: 0, manifests: 0 });
    clock.time += 1;
    expect(await store.collect({ untagged: true })).toMatchObject({ blobs: 3, manifests: 1 });
  });

  it('leaves no leases behind, not even of what never came', async () => {
    const { store, clock } = await open({ rules: { lease: LEASE, missing: 'off' } });
    await putImage(store, 'a', { seed: 'i', subject: { mediaType: 'a/b', digest: digestOf('s'), size: 1 } });
    const image = await putImage(store, 'b', { seed: 'i' });
    await store.manifests.delete('b', image.digest);
    clock.time += 100 * LEASE;
    await store.collect({ untagged: true });
    await store.collect({ untagged: true });
    expect(await store.core.records.keys({ prefix: 'e!', limit: 9 })).toEqual([]);
    expect(await store.core.records.keys({ prefix: '', limit: 9 })).toEqual([]);
  });
});

describe('a collection', () => {
  it('takes nothing that came to be needed under its eyes, though the clock was set back', async () => {
    const { store, clock, disk } = await open();
    const layer = bytesOf('layer', 1000);
    const digest = await putBlob(store, 'a', layer);
    clock.time += 2 * LEASE;
    disk.onGet = async (key) => {
      if (!key.startsWith(`e!a!${digest}`)) return;
      disk.onGet = undefined;
      clock.time -= LEASE;
      await putManifestOf(store, 'a', layer);
      clock.time += LEASE + 1;
    };
    await store.collect();
    expect(await problemsOf(store)).toEqual([]);
    expect(await store.blobs.stat('a', digest)).toBeDefined();
  });

  it('for show does not stand in for a real one that is asked for meanwhile', async () => {
    const { store, clock } = await open();
    await putBlob(store, 'a', bytesOf('x', 10));
    clock.time += 2 * LEASE;
    const [shown, joined, done] = await Promise.all([
      store.collect({ dryRun: true }),
      store.collect({ dryRun: true }),
      store.collect({}),
    ]);
    expect([shown.blobs, joined.blobs, done.blobs]).toEqual([1, 1, 1]);
    expect(joined).toBe(shown);
    expect(await problemsOf(store, { orphans: true })).toEqual([]);
  });

  it('ends when the store is closed', async () => {
    const { store, clock } = await open();
    for (let at = 0; at < 50; at++) await putBlob(store, 'a', bytesOf(`x${at}`, 10));
    clock.time += 2 * LEASE;
    const collecting = expect(store.collect()).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await store.close();
    await collecting;
  });

  it('ends when it is told to', async () => {
    const { store, clock } = await open();
    await putBlob(store, 'a', bytesOf('z', 5));
    clock.time += 2 * LEASE;
    await expect(store.collect({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    expect(await store.collect()).toMatchObject({ blobs: 1 });
  });
});
