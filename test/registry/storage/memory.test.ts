import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf, streamOf } from '../../../oci/index.js';
import { MemoryBytes } from '../../../registry/storage/memory-bytes.js';
import { MemoryRecords } from '../../../registry/storage/memory-records.js';
import { MemorySnapshot } from '../../../registry/storage/memory.js';
import { openStore } from '../../../registry/storage/open.js';
import { put, remove } from '../../../registry/storage/records.js';
import { tempFolder } from '../../helpers/temp.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function contentOf(records: MemoryRecords): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const [key, value] of records.entries()) found[key] = new TextDecoder().decode(value);
  return found;
}

async function openMemory(from?: MemorySnapshot): ReturnType<typeof openStore> {
  return await openStore({ kind: 'memory', ...(from === undefined ? {} : { from }) });
}

type Step =
  | { readonly do: 'put' | 'delete'; readonly key: number }
  | { readonly do: 'take' }
  | { readonly do: 'back'; readonly to: number };

const steps = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.nat(300) }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('delete' as const), key: fc.nat(300) }) },
    { weight: 2, arbitrary: fc.constant({ do: 'take' as const }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('back' as const), to: fc.nat() }) },
  ),
  { maxLength: 400, size: 'max' },
);

describe('a snapshot of a store in memory', () => {
  it('never shows what came after it, and what begins with it shares no change', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (run: readonly Step[]) => {
        let records = new MemoryRecords();
        let model: Record<string, string> = {};
        const taken: { readonly snapshot: MemorySnapshot; readonly model: Record<string, string> }[] = [];
        for (const [at, step] of run.entries()) {
          if (step.do === 'put') {
            await records.commit([put(`k${step.key}`, bytes(String(at)))]);
            model[`k${step.key}`] = String(at);
          } else if (step.do === 'delete') {
            await records.commit([remove(`k${step.key}`)]);
            delete model[`k${step.key}`];
          } else if (step.do === 'take') {
            taken.push({ snapshot: new MemorySnapshot(records, new MemoryBytes()), model: { ...model } });
          } else if (step.do === 'back' && taken.length > 0) {
            const back = taken[step.to % taken.length];
            records = back?.snapshot.drivers().records ?? records;
            model = { ...back?.model };
          }
        }
        expect(await contentOf(records)).toEqual(model);
        for (const then of taken)
          expect(await contentOf(then.snapshot.drivers().records)).toEqual(then.model);
      }),
      { numRuns: 50 },
    );
  });

  it('holds large bytes and uploads under way as they stood', async () => {
    await using first = await openStored();
    const large = new Uint8Array(3 * 1024 * 1024).fill(7);
    await first.store.uploads.put('app', digestOf(large), streamOf(large));
    const { id } = await first.store.uploads.start('app');
    await first.store.uploads.append('app', id, streamOf(large.subarray(0, 700_000)));
    const snapshot = first.store.snapshot();
    await first.store.uploads.append('app', id, streamOf(large.subarray(700_000)));
    await first.store.uploads.finish('app', id, digestOf(large), streamOf());

    await using second = await openStored(snapshot);
    expect(await second.store.uploads.status('app', id)).toEqual({ id, size: 700_000 });
    await second.store.uploads.append('app', id, streamOf(bytes('!')));
    await using third = await openStored(snapshot);
    expect(await third.store.uploads.status('app', id)).toEqual({ id, size: 700_000 });
    expect(await third.store.collect({ force: true })).toMatchObject({ uploads: 0 });
  });

  it('is not to be had of a store on disk', async () => {
    const store = await openStore({ kind: 'auto', folder: await tempFolder() });
    try {
      expect(() => store.snapshot()).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    } finally {
      await store.close();
    }
  });
});

async function openStored(
  from?: MemorySnapshot,
): Promise<{ store: Awaited<ReturnType<typeof openStore>> } & AsyncDisposable> {
  const store = await openMemory(from);
  return { store, [Symbol.asyncDispose]: () => store.close() };
}
