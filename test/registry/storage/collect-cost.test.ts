import { describe, expect, it, onTestFinished, vi } from 'vitest';
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
});
