import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isMissingProgram, runProgram } from '../../client/credentials/run-program.js';
import { tempFolder } from '../helpers/temp.js';

/** A program that a shell runs. */
async function program(script: string): Promise<string> {
  const path = join(await tempFolder(), 'program');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('a program that is asked for credentials', () => {
  it('gets its input and gives its output', async () => {
    const path = await program('read line; echo "$1 $line"; echo why >&2; exit 3');
    expect(await runProgram(path, ['get'], { input: 'host' })).toEqual({
      code: 3,
      output: 'get host\n',
      errors: 'why\n',
    });
  });

  it.each(['', '>&2'])('is killed when it prints without end %s', async (where) => {
    await expect(runProgram(await program(`exec yes ${where}`), [])).rejects.toThrow('more than 64 KiB');
  });

  it('may print as much as the limit', async () => {
    const { output } = await runProgram(await program('head -c 65536 /dev/zero'), []);
    expect(output).toHaveLength(65_536);
  });

  it('is killed when it takes too long, though what it started lives on', async () => {
    const path = await program('sleep 60 & wait');
    await expect(runProgram(path, [], { timeout: 50 })).rejects.toThrow('no answer within 0.05 s');
  });

  it('is killed by the signal', async () => {
    const folder = await tempFolder();
    const path = await program(`echo $$ > ${folder}/pid; exec sleep 60`);
    const abort = new AbortController();
    const reason = new Error('enough');
    const ended = runProgram(path, [], { signal: abort.signal });
    let pid = '';
    while (!pid.endsWith('\n')) pid = await readFile(join(folder, 'pid'), 'utf8').catch(() => '');
    abort.abort(reason);
    await expect(ended).rejects.toBe(reason);
    const alive = (): boolean => {
      try {
        return process.kill(Number(pid), 0);
      } catch {
        return false;
      }
    };
    while (alive()) await new Promise((resolve) => setImmediate(resolve));
    expect(alive()).toBe(false);
  });

  it('may be missing', async () => {
    const error = await runProgram('docker-credential-nobody', []).catch((reason: unknown) => reason);
    expect(isMissingProgram(error)).toBe(true);
    expect(error).toMatchObject({ code: 'UNKNOWN', message: 'it is not on the PATH' });
    expect(isMissingProgram(new Error('other'))).toBe(false);
  });
});
