import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OciError, isObject, type CallOptions } from '../../oci/index.js';
import { freshName, ifThere, isOlder, removeIfEmpty, systemCode } from './files.js';
import { isRunning, parseFacts, thisProcess, type ProcessFacts } from './process.js';

/** What a lock file says. */
interface Claim extends ProcessFacts {
  /** Tells this claim from every other one. */
  readonly id: string;
}

/** What the name of a claim begins with while it is written. */
const CLAIM = 'claim-';
/** Stands for a claim that cannot be read. */
const UNKNOWN = 'unknown';

/** What file systems without hard links say. */
const NO_LINKS = new Set(['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM']);

/** Options of `withLock`. Times are milliseconds. */
export interface LockOptions extends CallOptions {
  /** How long to wait for others. Default a minute. */
  readonly patience?: number;
  /** How long a claim of another machine, whose processes cannot be seen, is believed. Default half a minute. */
  readonly belief?: number;
}

/**
 * Does work while no other process, nor any other call in this one, does work under the same lock file. The claim of a
 * process that is gone is taken over.
 * @throws OciError `STORE_LOCKED` when others keep it; what the work throws
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const claim: Claim = { ...thisProcess(), id: randomBytes(12).toString('hex') };
  await acquire(path, claim, options);
  try {
    return await work();
  } finally {
    // Who was taken for dead, as over a network, must not end the work of whoever came next.
    if ((await read(path))?.id === claim.id) await rm(path, { force: true });
    await removeIfEmpty(dirname(path));
  }
}

/** Nobody takes so long to take a lock, in milliseconds. */
const OLD = 60 * 60 * 1000;

/** Takes away what processes that are gone have left in a folder that holds nothing but locks. */
export async function clearDeadLocks(folder: string): Promise<void> {
  const names = (await ifThere(readdir(folder))) ?? [];
  await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const holder = await read(path);
      if (holder !== undefined && holder.id !== UNKNOWN && isRunning(holder) === false)
        await (name.startsWith(CLAIM) ? rm(path, { force: true }) : evict(path, holder));
      else if (holder?.id === UNKNOWN && (await isOlder(path, OLD))) await rm(path, { force: true });
    }),
  );
  await removeIfEmpty(folder);
}

async function acquire(
  path: string,
  claim: Claim,
  { signal, patience = 60_000, belief = 30_000 }: LockOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const began = performance.now();
  let seen: { readonly id: string; readonly since: number } | undefined;
  while (!(await create(path, claim))) {
    signal?.throwIfAborted();
    const holder = await read(path);
    if (holder === undefined) continue;
    if (seen?.id !== holder.id) seen = { id: holder.id, since: performance.now() };
    if (performance.now() - began > patience) throw locked(path, holder);
    const alive = isRunning(holder) ?? performance.now() - seen.since < belief;
    if (alive || !(await evict(path, holder)))
      // Short enough to be waited for; the signal is looked at before the next try.
      await delay(5 + Math.random() * 20);
  }
}

function locked(path: string, { pid, host }: Claim): OciError {
  return new OciError(
    'STORE_LOCKED',
    `${dirname(dirname(path))} is in use by process ${pid} on ${host}: try again when it has ended, or remove ${path} if it is gone`,
    { detail: { pid, host, path } },
  );
}

/** True when the lock is ours now. The file comes up whole, so that nobody reads half a claim. */
async function create(path: string, claim: Claim): Promise<boolean> {
  const folder = dirname(path);
  const temporary = freshName(folder, CLAIM);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(temporary, JSON.stringify(claim), { flag: 'wx' });
    await link(temporary, path);
    return true;
  } catch (error) {
    // Whoever leaves takes the folder away if it is empty.
    if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') return false;
    if (NO_LINKS.has(systemCode(error) ?? '')) return await createInPlace(path, claim);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function createInPlace(path: string, claim: Claim): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(claim), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The claim that stands; undefined when there is none any more. What cannot be read counts as one of somewhere else. */
async function read(path: string): Promise<Claim | undefined> {
  const text = await ifThere(readFile(path, 'utf8'));
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const facts = parseFacts(value);
    if (facts !== undefined && isObject(value) && typeof value.id === 'string' && /^\w+$/.test(value.id))
      return { ...facts, id: value.id };
  } catch {
    // Falls through.
  }
  return { pid: 0, start: '', host: 'an unknown machine', id: UNKNOWN };
}

/**
 * Takes a dead claim away; false when another one is at it. Only one process may do this for a given claim, and it looks
 * again before it does: else a slow one would take away the claim of whoever came next.
 */
async function evict(path: string, dead: Claim): Promise<boolean> {
  const permit = `${path}.${dead.id}`;
  try {
    await (await open(permit, 'wx')).close();
  } catch (error) {
    if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    if ((await read(path))?.id === dead.id) await rm(path, { force: true });
  } finally {
    await rm(permit, { force: true });
  }
  return true;
}
