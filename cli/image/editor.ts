import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect, OciError, type ByteStream } from '../../oci/index.js';
import type { Context } from '../context.js';

/** The most bytes that are edited: what is larger is no text that a person writes. */
const LIMIT = 64 << 20;

/** What is to be edited. */
export interface Draft {
  /** Of the file that the editor opens: its ending tells editors what is in it. */
  readonly name: string;
  /** Asked for only when somebody is to see it. */
  readonly before: () => Promise<Uint8Array>;
}

/**
 * New bytes for old ones: what comes on the standard input, or on a terminal what `$VISUAL` or `$EDITOR` leaves.
 * @throws OciError `ABORTED` when the editor fails, `SIZE_LIMIT`
 */
export async function editedBytes({ input, env }: Context, { name, before }: Draft): Promise<Uint8Array> {
  if (input.isTTY !== true) return await collect(input as ByteStream, LIMIT, 'the standard input');
  const folder = await mkdtemp(join(tmpdir(), 'ocilot-edit-'));
  try {
    const path = join(folder, name);
    await writeFile(path, await before(), { mode: 0o600 });
    const editor = env['VISUAL'] || env['EDITOR'] || 'vi';
    // The variable may hold options, as `code --wait`.
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], {
      stdio: 'inherit',
      env: { ...env },
    });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0)
      throw new OciError(
        'ABORTED',
        `the editor ${editor} ended with ${code ?? 'a signal'}: nothing was changed`,
      );
    const { size } = await stat(path);
    if (size > LIMIT) throw new OciError('SIZE_LIMIT', `what the editor left is larger than ${LIMIT} bytes`);
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
