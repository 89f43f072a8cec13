import { keys } from '../storage/keys.js';
import { scan, scanKeys } from '../storage/records.js';
import type { Records } from '../storage/records.js';
import type { Store } from '../storage/store.js';
import { decode } from '../storage/values.js';

/** What a registry holds. */
export interface Usage {
  readonly repositories: number;
  readonly manifests: number;
  readonly tags: number;
  readonly blobs: number;
  /** Bytes of distinct blobs. */
  readonly bytes: number;
  /** Uploads that have begun and not ended. */
  readonly uploads: number;
  /** Free bytes of the medium. */
  readonly free: number;
  readonly quotas: readonly { readonly prefix: string; readonly used: number; readonly limit: number }[];
}

/** Counts everything: a read of every key, so for people and not for every scrape. */
export async function usageOf(store: Store): Promise<Usage> {
  const { records, free, rules } = store.core;
  const blobs = { count: 0, bytes: 0 };
  for await (const [, value] of scan(records, keys.blobs)) {
    blobs.count++;
    blobs.bytes += decode<{ readonly size: number }>(value).size;
  }
  const usage = { repositories: 0, manifests: 0, tags: 0 };
  for await (const repository of store.repositories.list()) {
    usage.repositories++;
    usage.manifests += await countKeys(records, keys.manifests(repository));
    usage.tags += await countKeys(records, keys.tags(repository));
  }
  return {
    ...usage,
    blobs: blobs.count,
    bytes: blobs.bytes,
    uploads: await countKeys(records, keys.sessions),
    free: await free(),
    quotas: await Promise.all(
      rules.quotas.map(async ({ prefix, bytes }) => ({
        prefix,
        used: await store.quotas.used(prefix),
        limit: bytes,
      })),
    ),
  };
}

/** How many records lie below a prefix. */
export async function countKeys(records: Records, prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of scanKeys(records, prefix)) count++;
  return count;
}
