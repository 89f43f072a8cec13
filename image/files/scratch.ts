import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withRoom } from '../layout/files.js';

const folders = new Set<string>();

/** A folder for what is kept for a while, readable by nobody else. What is left of it goes when the process ends. */
export async function makeScratch(): Promise<string> {
  const folder = await withRoom(mkdtemp(join(tmpdir(), 'ocilot-')));
  if (folders.size === 0) process.once('exit', removeAll);
  folders.add(folder);
  return folder;
}

/** Takes the folder away, with all that is in it. */
export async function removeScratch(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  folders.delete(folder);
  if (folders.size === 0) process.off('exit', removeAll);
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
