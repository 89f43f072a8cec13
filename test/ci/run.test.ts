import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../helpers/temp.js';

const CLIENTS = 'skopeo buildah podman umoci containerd docker-registry htpasswd wrk'.split(' ');

/** What `.ci/run` prints where every command it calls is a script of ours: `node`, and `npm`, given what it was asked. */
async function run(npm: string): Promise<{ code: number; lines: string[] }> {
  const folder = await tempFolder();
  const commands = join(folder, 'bin');
  for (const made of [commands, join(folder, '.ci')]) await mkdir(made);
  await copyFile('.ci/run', join(folder, '.ci/run'));
  const scripts = [...CLIENTS, 'node'].map((name) => [name, ':'] as const);
  for (const [name, script] of [...scripts, ['npm', npm] as const]) {
    await writeFile(join(commands, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(commands, name), 0o755);
  }
  const env = { ...process.env, PATH: `${commands}:${process.env['PATH']}`, TMPDIR: folder };
  const child = spawn('bash', [join(folder, '.ci/run')], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: code as number, lines: output.trimEnd().split('\n') };
}

describe('.ci/run', () => {
  it('ends with the sum of all parts', async () => {
    const { code, lines } = await run(`
      case "$*" in test) echo '5 passed, 0 failed, 1 skipped' ;; *) echo '2 passed, 0 failed, 3 skipped' ;; esac`);
    expect(lines.at(-1)).toBe('7 passed, 0 failed, 4 skipped');
    expect(lines.filter((line) => /^\d+ passed/.test(line))).toHaveLength(1);
    expect(code).toBe(0);
  });

  it('tests under another Node too, when that can be installed', async () => {
    const { code, lines } = await run(`
      case "$*" in
        install*)
          while [ "$1" != --prefix ]; do shift; done
          mkdir -p "$2/node_modules/.bin"
          printf '#!/bin/sh\\necho "$*"; echo "failed: of another"; echo "1 passed, 2 failed, 0 skipped"\\n' \\
            >"$2/node_modules/.bin/node"
          chmod 755 "$2/node_modules/.bin/node" ;;
        *) echo '2 passed, 0 failed, 0 skipped' ;;
      esac`);
    expect(lines.at(-1)).toBe('5 passed, 2 failed, 0 skipped');
    expect(lines.at(-2)).toBe('');
    expect(lines.slice(-4, -2)).toEqual([
      expect.stringMatching(/^--- Node \d+: what failed$/),
      'failed: of another',
    ]);
    expect(lines.join('\n')).toMatch(/run --project fast test\/oci test\/registry/);
    expect(code).toBe(1);
  });

  it('says so when it cannot', async () => {
    const { lines } = await run(`echo '2 passed, 0 failed, 0 skipped'`);
    expect(lines.join('\n')).toMatch(/Node \d+ could not be installed/);
    expect(lines.at(-1)).toBe('4 passed, 0 failed, 0 skipped');
  });

  it('tells at the end what failed in every part', async () => {
    const { code, lines } = await run(`
      for i in $(seq 500); do echo "failed: $* $i"; echo "failed| an error"; done
      echo 'much else'
      echo '1 passed, 500 failed, 0 skipped'
      exit 1`);
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe('2 passed, 1000 failed, 0 skipped');
    const tail = lines.slice(lines.lastIndexOf('--- npm test: what failed'), -1);
    expect(tail.slice(1, 3)).toEqual(['failed: test 1', 'failed| an error']);
    expect(tail[tail.indexOf('--- npm run test:long: what failed') + 1]).toBe('failed: run test:long 1');
    expect(tail.length).toBeLessThan(310);
  });

  it('shows the end of the log of a part that no test made fail', async () => {
    const { code, lines } = await run(`echo "one wrong type" >&2; exit 2`);
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe('0 passed, 2 failed, 0 skipped');
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith('--- npm run test:long')));
    expect(last[0]).toContain('exit code 2');
    expect(last[1]).toBe('one wrong type');
  });
});
