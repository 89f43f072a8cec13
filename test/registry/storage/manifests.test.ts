import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MEDIA_TYPES, digestOf, encodeJson, type Descriptor, type Digest } from '../../../oci/index.js';
import { keys } from '../../../registry/storage/keys.js';
import { openStore } from '../../../registry/storage/open.js';
import type { StoreRules } from '../../../registry/storage/core.js';
import type { Store } from '../../../registry/storage/store.js';
import { bytesOf, putBlob } from '../../helpers/content.js';

async function open(rules: Partial<StoreRules> = {}): Promise<Store> {
  const store = await openStore({ kind: 'memory' }, { rules });
  onTestFinished(() => store.close());
  return store;
}

const layer = (digest: Digest, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: MEDIA_TYPES.ociLayer,
  digest,
  size: 10,
  ...more,
});
const URLS = { urls: ['https://layers.example/1'] };

async function putLayers(store: Store, layers: readonly Descriptor[]): Promise<Digest> {
  const config = { mediaType: MEDIA_TYPES.ociConfig, digest: await putBlob(store, 'a', bytesOf('c', 10)) };
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config: { ...config, size: 10 } };
  const { digest } = await store.manifests.put('a', { bytes: encodeJson({ ...document, layers }) });
  return digest;
}

const leaseOf = (store: Store, digest: Digest): Promise<Uint8Array | undefined> =>
  store.core.records.get(keys.lease('a', digest));

describe('what a manifest points to', () => {
  it('is looked for once, however often it is named', async () => {
    const store = await open();
    const digest = await putBlob(store, 'a', bytesOf('x', 10));
    const get = vi.spyOn(store.core.records, 'get');
    const commit = vi.spyOn(store.core.records, 'commit');
    const manifest = await putLayers(
      store,
      Array.from({ length: 1000 }, () => layer(digest)),
    );
    expect(get.mock.calls.filter(([key]) => key === keys.link('a', digest))).toHaveLength(1);
    await store.manifests.delete('a', manifest);
    const edges = commit.mock.lastCall?.[0].filter(({ key }) => key.startsWith(keys.edges('a')));
    expect(edges).toHaveLength(2);
  });

  it('gets a lease when it is there, also when it need not be', async () => {
    const store = await open();
    const there = await putBlob(store, 'a', bytesOf('x', 10));
    const before = await leaseOf(store, there);
    const away = digestOf('away');
    const manifest = await putLayers(store, [layer(there, URLS), layer(away, URLS)]);
    expect(await leaseOf(store, there)).not.toEqual(before);
    expect(await leaseOf(store, away)).toBeUndefined();
    expect(await store.core.records.get(keys.edge('a', away, manifest))).toBeDefined();
  });

  it('gets none when it is missing and may be', async () => {
    const store = await open({ missing: 'off' });
    const away = digestOf('away');
    await putLayers(store, [layer(away)]);
    expect(await leaseOf(store, away)).toBeUndefined();
  });

  it('must be there when one of the descriptors wants it to', async () => {
    const store = await open();
    const away = digestOf('away');
    for (const layers of [
      [layer(away), layer(away, URLS)],
      [layer(away, URLS), layer(away)],
    ])
      await expect(putLayers(store, layers)).rejects.toMatchObject({
        code: 'MANIFEST_BLOB_UNKNOWN',
        detail: [away],
      });
  });

  it('is leased when it comes while the manifest is being put', async () => {
    const store = await open({ missing: 'off' });
    const late = bytesOf('late', 10);
    const { records } = store.core;
    const commit = records.commit.bind(records);
    let leased: Uint8Array | undefined;
    vi.spyOn(records, 'commit').mockImplementation(async (operations, ...more) => {
      if (leased === undefined && operations.some(({ key }) => key.startsWith(keys.manifests('a')))) {
        leased = new Uint8Array(0);
        await putBlob(store, 'a', late);
        leased = await leaseOf(store, digestOf(late));
      }
      return await commit(operations, ...more);
    });
    await putLayers(store, [layer(digestOf(late))]);
    expect(leased).toBeDefined();
    expect(await leaseOf(store, digestOf(late))).not.toEqual(leased);
  });
});
