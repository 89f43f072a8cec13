import { mkdir, readFile, readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { clearDeadLocks, withLock } from '../../../image/layout/lock.js';
import { thisProcess } from '../../../image/layout/process.js';
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

it('locks of the dead are taken away, and no others', async () => {
  const folder = join(await tempFolder(), 'locks');
  await mkdir(folder);
  const me = thisProcess();
  const claims = {
    mine: { ...me, id: 'a' },
    dead: { ...me, start: 'before', id: 'b' },
    'claim-dead': { ...me, start: 'before', id: 'c' },
    elsewhere: { pid: 1, start: 'then', host: 'elsewhere.example', id: 'd' },
  };
  for (const [name, claim] of Object.entries(claims))
    await writeFile(join(folder, name), JSON.stringify(claim));
  for (const name of ['half', 'half-old']) await writeFile(join(folder, name), '{');
  await utimes(join(folder, 'half-old'), 1, 1);
  await clearDeadLocks(folder);
  expect((await readdir(folder)).toSorted()).toEqual(['elsewhere', 'half', 'mine']);
  await clearDeadLocks(join(folder, 'none'));
});
