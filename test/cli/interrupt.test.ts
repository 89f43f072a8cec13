import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempFolder } from '../helpers/temp.js';
import { startRegistry } from '../../testing/index.js';
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

it('Ctrl-C ends a command whose output nobody reads', async () => {
  await using registry = await startRegistry();
  await registry.seed({ app: { '1': { layers: 1, layerSize: 4 << 20, random: 'deaf' } } });
  const running = start(['image', 'export', `${registry.host}/app:1`]);
  running.child.stdout?.pause();
  await registry.requests.waitFor({ operation: 'blob.get' });
  running.child.kill('SIGINT');
  await running.said(/interrupted/, 'err');
  const [code] = (await once(running.child, 'exit')) as [number | null];
  expect(code).toBe(1);
});
