import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder for all that a run makes, which is gone afterwards: also when the run is broken off.
 * @template T
 * @param {string | undefined} parent a place on the disk to be measured
 * @param {(folder: string) => Promise<T>} work
 */
export async function withFolder(parent = tmpdir(), work) {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'ocilot-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    process.off('exit', remove);
  }
}
