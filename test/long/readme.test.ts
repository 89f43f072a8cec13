import { execFile, spawnSync } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { tempFolder } from '../helpers/temp.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOOPBACK = ['-rn', 'ip', 'link', 'set', 'lo', 'up'];

/** A command as somebody types it, and the lines that it answers with. */
interface Step {
  readonly command: string;
  readonly answer: string[];
}

function stepsOf(block: string): Step[] {
  const steps: Step[] = [];
  for (const line of block.trimEnd().split('\n'))
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), answer: [] });
    else steps.at(-1)?.answer.push(line);
  return steps;
}

/** Runs the steps in one shell; servers end with it. What a step in the background says is not waited for. */
function scriptOf(steps: readonly Step[]): string {
  const played = steps.map(({ command }, at) => {
    const port = /--port (\d+) &$/.exec(command)?.[1];
    if (port === undefined) return `echo "@@ ${at}"\n${command}`;
    const answers = `node -e 'fetch("http://127.0.0.1:${port}/v2/").catch(() => process.exit(1))'`;
    return `echo "@@ ${at}"\n${command.replace(/&$/, '>/dev/null &')}\nuntil ${answers}; do :; done`;
  });
  return `set -e
ip link set lo up
trap 'kill $(jobs -p)' EXIT
${played.join('\n')}
`;
}

it('the session at the top of the README answers as it says', async (ctx) => {
  // Its ports are free only in a network of its own.
  if (spawnSync('unshare', LOOPBACK).status !== 0) {
    process.stdout.write('skipped: no network namespaces here, so the ports of the README may be taken\n');
    ctx.skip('no network namespaces');
  }
  const text = await readFile(join(ROOT, 'README.md'), 'utf8');
  const blocks = [...text.matchAll(/^```console\n([^]*?)^```$/gm)].slice(0, 2);
  const steps = blocks.flatMap(([, block = '']) => stepsOf(block));
  expect(steps.map(({ command }) => command.split(' ').slice(0, 2).join(' '))).toEqual([
    'mkdir web',
    'ocilot serve',
    'ocilot image',
    'ocilot bundle',
    'ocilot push',
    'ocilot copy',
    'ocilot serve',
    'ocilot verify',
    'ocilot copy',
    'ocilot pull',
  ]);
  const cwd = await tempFolder();
  const bin = await tempFolder();
  await symlink(join(ROOT, 'dist/cli.js'), join(bin, 'ocilot'));
  const { stdout } = await promisify(execFile)('unshare', ['-rn', 'bash', '-c', scriptOf(steps)], {
    cwd,
    env: { PATH: `${bin}:${process.env['PATH']}`, HOME: cwd },
    timeout: 60_000,
  });
  const answers = stdout
    .split(/^@@ \d+\n/m)
    .slice(1)
    .map((answer) => answer.split('\n').filter((line) => line !== ''));
  expect(answers).toEqual(steps.map(({ answer }) => answer));
  expect(await readFile(join(cwd, 'pulled/deploy.yml'), 'utf8')).toBe('image: 127.0.0.1:5001/shop/web:1.0\n');
});
