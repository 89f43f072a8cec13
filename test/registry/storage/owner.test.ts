import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { own, type Owner } from '../../../registry/storage/owner.js';
import { describeSelf, type ProcessFacts } from '../../../registry/storage/process-facts.js';
import { buildOwner, startOwner } from '../../helpers/storage/owner-process.js';
import { tempFolder } from '../../helpers/temp.js';

const linux = process.platform === 'linux';

/** What `own` tells of the folder, which is then left as before. */
async function look(folder: string): Promise<Pick<Owner, 'clean' | 'rebooted'>> {
  const owner = await own(folder);
  await owner.release(true);
  return { clean: owner.clean, rebooted: owner.rebooted };
}

/** Leaves the file of another owner in a folder. */
async function leave(claim: Partial<ProcessFacts> | string): Promise<{ folder: string; file: string }> {
  const folder = await tempFolder();
  const file = join(folder, 'owner', '1-other.json');
  mkdirSync(join(folder, 'owner'));
  const text =
    typeof claim === 'string'
      ? claim
      : JSON.stringify({ ...(await describeSelf()), state: 'owner', ...claim });
  writeFileSync(file, text);
  return { folder, file };
}

const LOCKED = expect.objectContaining({ code: 'STORE_LOCKED' }) as unknown;

describe('a data folder', () => {
  it('has one owner in a process, under whatever path', async () => {
    const folder = await tempFolder();
    const link = join(await tempFolder(), 'link');
    symlinkSync(folder, link);
    const owner = await own(folder);
    expect([owner.clean, owner.rebooted]).toEqual([true, false]);
    await expect(own(folder)).rejects.toEqual(LOCKED);
    await expect(own(link)).rejects.toEqual(LOCKED);
    expect(readdirSync(join(folder, 'owner'))).toHaveLength(1);
    await owner.release(true);
    expect(readdirSync(join(folder, 'owner'))).toEqual([]);
    expect(await look(link)).toEqual({ clean: true, rebooted: false });
  });

  it('has one owner among processes, and goes to the next when that one leaves or dies', async () => {
    const folder = await tempFolder();
    const program = await buildOwner(await tempFolder());
    const first = await startOwner(program, folder);
    expect(first.answer).toBe('owner');
    await expect(own(folder)).rejects.toEqual(LOCKED);
    expect((await startOwner(program, folder)).answer).toBe('STORE_LOCKED');
    await first.leave();
    const second = await startOwner(program, folder);
    expect(second.answer).toBe('owner');
    await second.kill();
    expect(await look(folder)).toEqual({ clean: false, rebooted: false });
  });

  it('goes to exactly one of ten processes that start at once', async () => {
    const program = await buildOwner(await tempFolder());
    for (let round = 0; round < 2; round++) {
      const folder = await tempFolder();
      const all = await Promise.all(Array.from({ length: 10 }, () => startOwner(program, folder)));
      const answers = all.map(({ answer }) => answer).toSorted();
      expect(answers).toEqual([...Array.from({ length: 9 }, () => 'STORE_LOCKED'), 'owner']);
      await Promise.all(all.map((one) => one.kill()));
    }
  });

  it.each([
    ['whose pid another process has by now', { pid: process.ppid, start: '1' }, false],
    ['whose pid nobody has', { pid: 2 ** 30 }, false],
    ['of another start of the machine', { boot: 'before' }, true],
    ['of another host that is silent', { host: 'elsewhere', boot: 'before' }, true],
    ['of another container that is silent', { namespace: 'pid:[1]' }, false],
  ])('is taken over from an owner %s', async (_, claim, rebooted) => {
    const { folder, file } = await leave(claim);
    const silent = Date.now() / 1000 - 31;
    utimesSync(file, silent, silent);
    expect(await look(folder)).toEqual({ clean: false, rebooted: linux ? rebooted : true });
  });

  it.each(['', '{"pid":12,"st', 'null', '[]', '7', '{"pid":"12"}', '\0\0\0\0'])(
    'is taken over from the half-written file %j',
    async (text) => {
      const { folder } = await leave(text);
      expect(await look(folder)).toEqual({ clean: false, rebooted: true });
    },
  );

  it.each([
    ['process of this machine', {}],
    ['container that shows signs of life', { namespace: 'pid:[1]' }],
    ['host that shows signs of life', { host: `not-${hostname()}`, boot: 'other' }],
  ])('is not taken over from a %s', async (_, claim) => {
    const { folder, file } = await leave(claim);
    await expect(own(folder)).rejects.toEqual(LOCKED);
    expect(readdirSync(join(folder, 'owner'))).toEqual([file.split('/').at(-1)]);
  });

  it('tells every owner of an unclean end until one has put things right', async () => {
    const { folder } = await leave({ pid: 2 ** 30, boot: 'before' });
    expect(await look(folder)).toEqual({ clean: false, rebooted: true });
    expect(await look(folder)).toEqual({ clean: false, rebooted: true });
    const owner = await own(folder);
    await owner.settle();
    await owner.release(true);
    expect(await look(folder)).toEqual({ clean: true, rebooted: false });
  });

  it('is left without a goodbye by an owner that could not make everything durable', async () => {
    const folder = await tempFolder();
    await (await own(folder)).release(false);
    expect(await look(folder)).toEqual({ clean: false, rebooted: false });
  });
});
