import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { withLock } from '../../../image/layout/lock.js';
import { tempFolder } from '../../helpers/temp.js';

it('a lock goes with its holder, and not when it has become that of somebody else', async () => {
  const folder = await tempFolder();
  const path = join(folder, 'lock', 'owner');
  await withLock(path, async () => {
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
  });
  expect(await readdir(folder)).toEqual([]);
  const other = JSON.stringify({ pid: 1, start: 'then', host: 'elsewhere.example', id: 'other' });
  await withLock(path, async () => {
    // Another machine has taken this process for dead.
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, other);
  });
  expect(await readFile(path, 'utf8')).toBe(other);
});
