import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import { DIGESTS, golden, goldenInputs, HOST, seedGolden } from './fixtures.js';

/** A run of imgpkg: what was typed and what came of it. */
interface Run {
  readonly name: string;
  readonly command: readonly string[];
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const RUNS = JSON.parse(golden('runs.json').toString()) as readonly Run[];

/** Flags whose value is a path, in the scratch folder. */
const PATHS = new Set(['-f', '-o', '--lock', '--lock-output', '--to-tar', '--tar']);

/** How long something took is never the same. */
const timeless = (text: string): string => text.replaceAll(/\([\d.]+(?:µs|ms|s)\)/g, '(time)');

/** What errors must say, where the words are the registry's or Go's. */
const ESSENCE: Readonly<Record<string, RegExp>> = {
  'err-missing': /^imgpkg: Error: Fetching image.*src\/none.*(?:MANIFEST|NAME)_UNKNOWN/s,
  'err-digest-push': /^imgpkg: Error: Parsing .*src\/x@sha256:283a/,
};

describe("imgpkg's runs", () => {
  it('end as they did with imgpkg: stdout, exit code, what errors say, files', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry, ['src/app', 'src/multi']);
    const folder = await goldenInputs();
    // Outputs of the run, beside its inputs.
    const at = (argument: string): string => join(folder, basename(argument));
    for (const run of RUNS) {
      const args = run.command.slice(1).map((argument, index, all) => {
        const flag = all[index - 1] ?? '';
        const isFormat = flag === '-o' && all[0] === 'describe';
        return !isFormat && PATHS.has(flag) ? at(argument) : argument;
      });
      const ours = await command([...args, '--registry-map', `${HOST}=${registry.host}`], {
        env: { OCILOT_COMPAT: 'imgpkg', HOME: join(folder, 'home'), XDG_STATE_HOME: join(folder, 'state') },
      });
      expect(timeless(ours.written.out), `${run.name}: ${ours.written.err}`).toBe(timeless(run.stdout));
      expect(ours.exitCode, run.name).toBe(run.exit);
      const essence = ESSENCE[run.name];
      if (essence !== undefined) expect(ours.written.err, run.name).toMatch(essence);
      else if (run.stderr === '') expect(ours.written.err, run.name).toBe('');
      else expect(ours.written.err, run.name).toContain(run.stderr.trimEnd());
    }
    for (const name of ['inner.lock.yml', 'outer.lock.yml', 'copied.lock.yml', 'tar.lock.yml']) {
      expect(await readFile(at(name), 'utf8'), name).toBe(golden(name).toString());
      expect((await stat(at(name))).mode & 0o777, name).toBe(0o600);
    }
    for (const name of ['outer.tar', 'multi.tar'])
      expect((await readFile(at(name))).equals(golden(name)), name).toBe(true);
    for (const name of ['before', 'after', 'rec'])
      expect(await readFile(join(folder, `pulled-${name}/.imgpkg/images.yml`), 'utf8'), name).toBe(
        golden(`pulled-${name}.images.yml`).toString(),
      );
    expect((await readdir(folder)).filter((name) => /^e\d$/.test(name))).toEqual([]);
    expect(Object.keys(DIGESTS)).toHaveLength(7);
  });
});
