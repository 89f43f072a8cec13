import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CollectProgress } from '../../../registry/storage/collect.js';
import { openStore } from '../../../registry/storage/open.js';
import { bytesOf, putBlob } from '../../helpers/content.js';

describe('collection', () => {
  it('looks at whole pages, not at the edges of each blob', async () => {
    let time = 1_000_000;
    const store = await openStore({ kind: 'memory' }, { now: () => time });
    onTestFinished(() => store.close());
    for (let index = 0; index < 300; index++) await putBlob(store, 'a', bytesOf(`blob ${index}`, 10));
    time += 2 * store.core.rules.lease;
    const keys = vi.spyOn(store.core.records, 'keys');
    expect(await store.collect()).toMatchObject({ blobs: 300, repositories: 1 });
    expect(keys.mock.calls.length).toBeLessThan(20);
  });

  it('tells how far it is', async () => {
    let time = 1_000_000;
    const store = await openStore({ kind: 'memory' }, { now: () => time });
    onTestFinished(() => store.close());
    for (const repo of ['a', 'b']) await putBlob(store, repo, bytesOf(`blob of ${repo}`, 10));
    time += 2 * store.core.rules.lease;
    const told: CollectProgress[] = [];
    await store.collect({ onProgress: (progress) => void told.push(progress) });
    expect(told).toEqual([
      { looked: 0, blobs: 1, bytes: 10, manifests: 0 },
      { looked: 1, blobs: 1, bytes: 10, manifests: 0 },
      { looked: 1, blobs: 2, bytes: 20, manifests: 0 },
      { looked: 2, blobs: 2, bytes: 20, manifests: 0 },
    ]);
  });
});
