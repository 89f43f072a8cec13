import { readdir, rm } from 'node:fs/promises';
import { backup } from '../storage/backup.js';
import type { CollectReport } from '../storage/collect.js';
import { scrub } from '../storage/scrub.js';
import type { Store } from '../storage/store.js';
import type { Job } from './jobs.js';

/** How to collect. */
export interface GcOptions {
  readonly untagged?: boolean;
  readonly dryRun?: boolean;
  /** Do not wait for the leases of a store that was not closed in order. */
  readonly force?: boolean;
}

/** What a collection did. */
export interface GcReport extends CollectReport {
  /** Nothing was done: until then (ISO 8601) somebody may rely on what was told before an unclean end. */
  readonly postponedUntil?: string;
}

/** Collects what nothing needs. `collect` is what counts the run, when somebody counts. */
export function gcJob(store: Store, options: GcOptions, collect = store.collect.bind(store)): Job {
  return async (onProgress, signal): Promise<GcReport> => {
    const postponed = options.force !== true && store.core.now() < store.collectAfter;
    const report = await collect({ ...options, onProgress, signal });
    return postponed ? { ...report, postponedUntil: new Date(store.collectAfter).toISOString() } : report;
  };
}

/** Reads everything again. */
export function scrubJob(store: Store, options: { readonly remove?: boolean }): Job {
  return (onProgress, signal) => scrub(store, { ...options, onProgress, signal });
}

/** Copies the store to a folder. When that fails nothing is left there. */
export function backupJob(store: Store, folder: string): Job {
  return async (report, signal) => {
    const present = await readdir(folder).catch(() => []);
    try {
      // The report that is told is one object that changes; each line needs its own.
      return await backup(store, folder, { signal, onProgress: (progress) => report({ ...progress }) });
    } catch (error) {
      if (present.length === 0) await rm(folder, { recursive: true, force: true });
      throw error;
    }
  };
}
