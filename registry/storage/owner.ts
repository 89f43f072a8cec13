import { randomBytes } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { mkdir, open, readFile, readdir, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OciError } from '../../oci/index.js';

/** What an owner file says of the process that made it. */
interface Claim {
  readonly pid: number;
  /** Start of the process in the kernel's own count: a pid alone may be taken again. */
  readonly start: string;
  readonly host: string;
  /** Pids mean nothing outside their namespace. */
  readonly namespace: string;
  readonly boot: string;
  readonly state: 'claiming' | 'owner';
}

export interface Owner {
  /** False when the owner before did not say goodbye. */
  readonly clean: boolean;
  /** True when the machine was started again since then: what was not synced may be gone. */
  readonly rebooted: boolean;
  release(): Promise<void>;
}

/** Folders owned by this process, by real path. */
const mine = new Set<string>();

/** How often the owner of a folder shows that it lives, for those who cannot see its process, in milliseconds. */
const HEARTBEAT = 10_000;
const DEAD_AFTER = 3 * HEARTBEAT;

/**
 * Makes this process the one owner of a data folder. Each claimant writes a file of its own before it looks at the
 * others', so of two that come at once at least one sees the other; nobody ever replaces a file of somebody alive.
 * @throws OciError `STORE_LOCKED`
 */
export async function own(folder: string): Promise<Owner> {
  const place = join(folder, 'owner');
  await mkdir(place, { recursive: true, mode: 0o750 });
  const real = realpathSync(folder);
  if (mine.has(real)) throw locked(folder, 'this process has it open already');
  mine.add(real);
  const claim = await describeSelf();
  const name = `${claim.pid}-${randomBytes(6).toString('hex')}.json`;
  const path = join(place, name);
  try {
    await write(path, { ...claim, state: 'claiming' });
    const left = await settle(place, name, claim, folder);
    await write(path, { ...claim, state: 'owner' });
    // After a power loss this file must tell that there was no goodbye.
    for (const entry of [path, place, folder]) await sync(entry);
    // Only now: a claim that fails must leave what tells of the unclean end to the one that succeeds.
    for (const old of left) await rm(join(place, old.name), { force: true });
    const beat = setInterval(
      () => void utimes(path, new Date(), new Date()).catch(() => undefined),
      HEARTBEAT,
    );
    beat.unref();
    return {
      clean: left.length === 0,
      rebooted: left.some((old) => old.claim?.boot !== claim.boot),
      async release() {
        clearInterval(beat);
        await rm(path, { force: true });
        mine.delete(real);
      },
    };
  } catch (error) {
    await rm(path, { force: true });
    mine.delete(real);
    throw error;
  }
}

interface Found {
  readonly name: string;
  readonly claim: Claim | undefined;
}

/** Waits until every other claim is dead; returns the dead ones. */
async function settle(
  place: string,
  name: string,
  self: Omit<Claim, 'state'>,
  folder: string,
): Promise<Found[]> {
  for (let tries = 0; ; tries++) {
    const dead: Found[] = [];
    let rival = false;
    for (const other of (await readdir(place)).filter((file) => file.endsWith('.json') && file !== name)) {
      const claim = await read(join(place, other));
      if (claim === 'gone') continue;
      if (claim === undefined || !(await isAlive(claim, self, join(place, other)))) {
        dead.push({ name: other, claim });
        continue;
      }
      // Of two that claim at once the smaller name goes on.
      if (claim.state === 'owner' || other < name)
        throw locked(folder, `process ${claim.pid} on ${claim.host} has it open`);
      rival = true;
    }
    if (!rival) return dead;
    if (tries >= 200) throw locked(folder, 'another process is opening it');
    await delay(10);
  }
}

const locked = (folder: string, why: string): OciError =>
  new OciError('STORE_LOCKED', `data folder ${folder} is in use: ${why}`, { detail: { folder } });

async function write(path: string, claim: Claim): Promise<void> {
  await writeFile(path, JSON.stringify(claim), { mode: 0o640 });
}

async function sync(path: string): Promise<void> {
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
  // A claimant writes its file in one go; a reader that comes between sees it empty and looks again.
  for (let tries = 0; tries < 20; tries++) {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as Claim;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
      await delay(5);
    }
  }
  return undefined;
}

async function isAlive(claim: Claim, self: Omit<Claim, 'state'>, path: string): Promise<boolean> {
  if (claim.host === self.host && claim.namespace === self.namespace) {
    return claim.boot === self.boot && processStart(claim.pid) === claim.start;
  }
  // Another machine or container: all that can be seen is its heartbeat.
  const seen = await stat(path).catch(() => undefined);
  return seen !== undefined && Date.now() - seen.mtimeMs < DEAD_AFTER;
}

async function describeSelf(): Promise<Omit<Claim, 'state'>> {
  return {
    pid: process.pid,
    start: processStart(process.pid) ?? 'unknown',
    host: hostname(),
    namespace: await readlink('/proc/self/ns/pid').catch(() => ''),
    boot: bootId(),
  };
}

/** When a process started, or undefined when there is none. Without /proc only its existence can be told. */
function processStart(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    process.kill(pid, 0);
    return 'running';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'running' : undefined;
  }
}

/** Differs after every start of the machine, where the system tells. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
