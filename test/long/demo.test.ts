import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Whether this machine lets a user have a network of his own, with nothing in it but loopback. */
const alone = spawnSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

it('an application crosses an air gap, with nothing but loopback up', async () => {
  if (!alone)
    process.stdout.write('no network namespaces here: the demo runs on the network that there is\n');
  const script = 'sh examples/air-gap/demo.sh';
  const [command, ...args] = alone
    ? ['unshare', '-rn', 'sh', '-c', `ip link set lo up; ${script}`]
    : ['sh', '-c', script];
  const { stdout } = await run(command ?? '', args, { cwd: ROOT });
  expect(stdout.match(/^# .*$/gm)).toEqual([
    '# Here, where there is a network: a registry, and two images in it.',
    '# The bundle: configuration, and the images it needs, by digest.',
    '# The first registry is gone. All there is, is a file.',
    '# There, behind the gap: another registry, and everything in it again.',
    '# Nothing is missing, and nothing has changed.',
  ]);
  expect(stdout.match(/^PASS: .*$/gm)).toHaveLength(2);
});
