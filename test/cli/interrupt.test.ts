import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempFolder } from '../helpers/temp.js';
import { start } from './run.js';

it('Ctrl-C ends a command that waits for a silent standard input, and nothing of it is left', async () => {
  const folder = await tempFolder();
  const args = ['image', 'append', '-f', '-', '-t', `oci:${join(folder, 'layout')}:1`];
  const running = start(args, { silent: true, env: { TMPDIR: folder } });
  await running.said(/empty image/, 'err');
  running.child.kill('SIGINT');
  const { code, err } = await running.ended;
  expect([code, err.trim().split('\n').at(-1)]).toEqual([1, expect.stringContaining('interrupted')]);
  expect(await readdir(folder)).toEqual([]);
});
