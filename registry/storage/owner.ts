import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OciError, isObject } from '../../oci/index.js';
import { describeSelf, isRunning, type ProcessFacts } from './process-facts.js';

/** What an owner file says. */
interface Claim extends ProcessFacts {
  readonly state: 'claiming' | 'owner';
}

export interface Owner {
  /** False when an owner before did not say goodbye. */
  readonly clean: boolean;
  /** True when the machine was started again since then: what was not synced may be gone. */
  readonly rebooted: boolean;
  /** To be called when the store is fit again after an unclean end: until then every opener is told of it. */
  settle(): Promise<void>;
  /** Leaves the folder to others. @param clean false: the next owner is told that there was no goodbye */
  release(clean: boolean): Promise<void>;
}

/** Folders owned by this process, by real path. */
const mine = new Set<string>();

/** How often the owner of a folder shows that it lives, for those who cannot see its process, in milliseconds. */
const HEARTBEAT = 10_000;
const DEAD_AFTER = 3 * HEARTBEAT;

/** Ends the name of a claim whose owner is gone though its process may live on. */
const LEFT = '.left.json';

/**
 * Makes this process the one owner of a data folder. Each claimant writes a file of its own before it looks at the
 * others', so of two that come at once at least one sees the other; nobody ever replaces a file of somebody alive.
 * @throws OciError `STORE_LOCKED`
 */
export async function own(folder: string): Promise<Owner> {
  const real = realpathSync(folder);
  if (mine.has(real)) throw locked(folder, 'this process has it open already');
  mine.add(real);
  const place = join(real, 'owner');
  const name = `${process.pid}-${randomBytes(6).toString('hex')}.json`;
  const path = join(place, name);
  try {
    await mkdir(place, { mode: 0o750 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    const self = await describeSelf();
    await writeFile(path, JSON.stringify({ ...self, state: 'claiming' } satisfies Claim), { mode: 0o640 });
    const left = await outlive({ place, name, self, folder });
    await replace(path, { ...self, state: 'owner' });
    // After a power loss this file must tell that there was no goodbye.
    for (const entry of [place, real]) await sync(entry);
    return ownership({
      path,
      real,
      self,
      left: left.map((old) => ({ ...old, name: join(place, old.name) })),
    });
  } catch (error) {
    for (const file of [path, `${path}.new`]) await rm(file, { force: true }).catch(() => undefined);
    mine.delete(real);
    throw error;
  }
}

interface Found {
  readonly name: string;
  /** Undefined for a file that a crash left half-written. */
  readonly claim: Claim | undefined;
}

function ownership(claim: {
  readonly path: string;
  readonly real: string;
  readonly self: ProcessFacts;
  readonly left: readonly Found[];
}): Owner {
  const { path, real, self, left } = claim;
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT);
  beat.unref();
  return {
    clean: left.length === 0,
    // Where the system does not tell one start from the next, there may have been one.
    rebooted: left.some((old) => old.claim?.boot !== self.boot || self.boot === ''),
    async settle() {
      for (const old of left) {
        await rm(old.name, { force: true });
        await rm(`${old.name}.new`, { force: true });
      }
    },
    async release(clean) {
      clearInterval(beat);
      try {
        if (clean) await rm(path, { force: true });
        else await rename(path, path.replace(/\.json$/, LEFT));
      } finally {
        mine.delete(real);
      }
    },
  };
}

/** Waits until every other claim is dead; returns the dead ones. */
async function outlive(claim: {
  readonly place: string;
  readonly name: string;
  readonly self: ProcessFacts;
  readonly folder: string;
}): Promise<Found[]> {
  const { place, name, self, folder } = claim;
  for (let tries = 0; ; tries++) {
    const dead: Found[] = [];
    let rival = false;
    for (const other of (await readdir(place)).filter((file) => file.endsWith('.json') && file !== name)) {
      const found = await read(join(place, other));
      if (found === 'gone') continue;
      if (found === undefined || other.endsWith(LEFT) || !(await isAlive(found, self, join(place, other)))) {
        dead.push({ name: other, claim: found });
        continue;
      }
      // Of two that claim at once the smaller name goes on.
      if (found.state === 'owner' || other < name)
        throw locked(folder, `process ${found.pid} on ${found.host} has it open`);
      rival = true;
    }
    if (!rival) return dead;
    if (tries >= 1000) throw locked(folder, 'another process is opening it');
    await delay(10);
  }
}

const locked = (folder: string, why: string): OciError =>
  new OciError('STORE_LOCKED', `data folder ${folder} is in use: ${why}`, { detail: { folder } });

/** Changes a claim in one step: nobody may take the file of a living owner for one that a crash left half-written. */
async function replace(path: string, claim: Claim): Promise<void> {
  const next = `${path}.new`;
  await writeFile(next, JSON.stringify(claim), { mode: 0o640 });
  await sync(next);
  await rename(next, path);
}

async function sync(path: string): Promise<void> {
  // Windows cannot open a folder; its entries are durable with the journal.
  if (process.platform === 'win32') return;
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A claim; `undefined` for a file that a crash left half-written; `gone` when it was removed meanwhile. */
async function read(path: string): Promise<Claim | 'gone' | undefined> {
  // A first claim is not written in one step. Whoever is at it looks at the others afterwards, and meets this process.
  for (let tries = 0; tries < 20; tries++) {
    try {
      const claim: unknown = JSON.parse(await readFile(path, 'utf8'));
      if (isClaim(claim)) return claim;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    }
    await delay(5);
  }
  return undefined;
}

function isClaim(value: unknown): value is Claim {
  return (
    isObject(value) &&
    typeof value.pid === 'number' &&
    ['start', 'host', 'namespace', 'boot', 'state'].every((name) => typeof value[name] === 'string')
  );
}

async function isAlive(claim: Claim, self: ProcessFacts, path: string): Promise<boolean> {
  if (claim.host === self.host && claim.namespace === self.namespace)
    return claim.boot === self.boot && isRunning(claim);
  // Another machine or container: all that can be seen is its heartbeat.
  const seen = await stat(path).catch(() => undefined);
  return seen !== undefined && Date.now() - seen.mtimeMs < DEAD_AFTER;
}
