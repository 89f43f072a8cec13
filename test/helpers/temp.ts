import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** Room for a socket in a folder of a folder: its path may have about 100 bytes. */
const PARENT = tmpdir().length <= 40 ? tmpdir() : '/tmp';

/** A folder of this test's own that goes when the test ends. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(PARENT, 'ocilot-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The same, and where temporary files go until then. */
export async function tempTmpdir(): Promise<string> {
  const folder = await tempFolder();
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}
