import type { Core } from './core.js';
import { keys } from './keys.js';
import { put, remove, type Operation, type Precondition } from './records.js';
import { decode, encode } from './values.js';

/** What is kept of a repository. */
interface RepositoryRecord {
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Set while somebody looks whether it is empty, to drop it. */
  readonly leaving?: string;
}

/** What a commit that adds content to a repository takes with it, so that the repository is there, and stays. */
export async function enter(
  { records, now }: Core,
  repo: string,
): Promise<{ operations: readonly Operation[]; precondition: Precondition }> {
  const key = keys.repository(repo);
  const value = await records.get(key);
  const record: RepositoryRecord = value === undefined ? { created: now() } : decode(value);
  const { leaving, ...settled } = record;
  const settle = value === undefined || leaving !== undefined;
  return { operations: settle ? [put(key, encode(settled))] : [], precondition: { key, value } };
}

/**
 * Drops a repository that has nothing in it; returns whether it did. It is marked first: a commit that adds content
 * from then on takes the mark away, and one that came before can be seen by who looks.
 */
export async function leave(core: Core, repo: string): Promise<boolean> {
  const { records, newId } = core;
  const key = keys.repository(repo);
  const value = await records.get(key);
  if (value === undefined || !(await isEmpty(core, repo))) return false;
  const { created } = decode<RepositoryRecord>(value);
  const mark = encode({ created, leaving: newId() } satisfies RepositoryRecord);
  const marked = await records.commit([put(key, mark)], [{ key, value }], { sync: false });
  return (
    marked && (await isEmpty(core, repo)) && (await records.commit([remove(key)], [{ key, value: mark }]))
  );
}

async function isEmpty({ records }: Core, repo: string): Promise<boolean> {
  for (const prefix of [keys.links(repo), keys.manifests(repo)]) {
    if ((await records.keys({ prefix, limit: 1 })).length > 0) return false;
  }
  return true;
}
