import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { digestOf, hexOf } from '../../oci/index.js';
import { ifThere, withRoom } from '../../image/layout/files.js';
import { isRunning, parseFacts, thisProcess } from '../../image/layout/process.js';

const OWNER = 'owner';

/** Where the old content is while the new one takes its place. */
export const oldIn = (room: string): string => join(room, 'old');

/** Rooms of one output folder have a name of their own. */
export const roomPrefix = (target: string): string =>
  `.ocilot-pull-${hexOf(digestOf(basename(target))).slice(0, 12)}-`;

/** Makes a folder, for what takes the place of the target, that says whose it is. */
export async function makeRoom(folder: string, target: string): Promise<string> {
  const room = join(folder, `${roomPrefix(target)}${randomBytes(6).toString('hex')}`);
  await withRoom(mkdir(room, { mode: 0o700 }));
  await withRoom(writeFile(join(room, OWNER), JSON.stringify(thisProcess())));
  return room;
}

/** Takes away what processes left that were killed. An old folder that was out of its place comes back to it. */
export async function clearRooms(folder: string, target: string): Promise<void> {
  const names = (await ifThere(readdir(folder))) ?? [];
  for (const name of names.filter((one) => one.startsWith(roomPrefix(target)))) {
    const room = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop -- mostly none
    if (!(await isAbandoned(room))) continue;
    // oxlint-disable-next-line no-await-in-loop
    if ((await ifThere(stat(target))) === undefined) await ifThere(rename(oldIn(room), target));
    // oxlint-disable-next-line no-await-in-loop
    await rm(room, { recursive: true, force: true });
  }
}

async function isAbandoned(room: string): Promise<boolean> {
  const text = await ifThere(readFile(join(room, OWNER), 'utf8'));
  if (text === undefined) return false;
  try {
    const facts = parseFacts(JSON.parse(text));
    return facts !== undefined && isRunning(facts) === false;
  } catch {
    return false;
  }
}
