import * as fs from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { addUser, removeUser } from '../../../registry/access/edit-users.js';
import { fileStamp } from '../../../registry/access/file-stamp.js';
import { UserFile, fixedUsers } from '../../../registry/access/users.js';
import { outcome } from '../../oci/arbitraries.js';
import { tempFolder, type TempFolder } from './temp.js';

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof fs>();
  return { ...actual, readFile: vi.fn(actual.readFile) };
});

interface Watched {
  readonly file: UserFile;
  readonly path: string;
  readonly errors: unknown[];
  /** Lets time pass. */
  readonly pass: (milliseconds: number) => void;
}

async function watched(folder: TempFolder): Promise<Watched> {
  const path = folder.at('htpasswd');
  await addUser(path, 'alice', 'secret', { cost: 4 });
  let time = 1_000_000;
  const errors: unknown[] = [];
  const file = await UserFile.open(path, { now: () => time, onError: (error) => errors.push(error) });
  return { file, path, errors, pass: (milliseconds) => void (time += milliseconds) };
}

const names = async (file: UserFile): Promise<string[]> => [...(await file.current()).keys()];

describe('UserFile', () => {
  it('reads the file again when it has changed, and looks once a second', async () => {
    await using folder = await tempFolder();
    const { file, path, pass } = await watched(folder);
    await addUser(path, 'bob', 'secret', { cost: 4 });
    pass(999);
    expect(await names(file)).toEqual(['alice']);
    pass(1);
    expect(await names(file)).toEqual(['alice', 'bob']);
    await removeUser(path, 'alice');
    pass(1000);
    expect(await names(file)).toEqual(['bob']);
  });

  it('shows those who come during a check what it finds', async () => {
    await using folder = await tempFolder();
    const { file, path, pass } = await watched(folder);
    await addUser(path, 'bob', 'secret', { cost: 4 });
    pass(1000);
    const all = await Promise.all([names(file), names(file), names(file)]);
    expect(all).toEqual([
      ['alice', 'bob'],
      ['alice', 'bob'],
      ['alice', 'bob'],
    ]);
  });

  it('keeps its users when the file becomes unreadable, and tells once', async () => {
    await using folder = await tempFolder();
    const { file, path, errors, pass } = await watched(folder);
    await fs.writeFile(path, 'nonsense\n');
    for (let times = 0; times < 3; times++) {
      pass(1000);
      expect(await names(file)).toEqual(['alice']);
    }
    expect(errors).toMatchObject([{ code: 'INVALID_OPTION' }]);
    await fs.rm(path);
    for (let times = 0; times < 3; times++) {
      pass(1000);
      expect(await names(file)).toEqual(['alice']);
    }
    expect(errors).toHaveLength(2);
    await addUser(path, 'bob', 'secret', { cost: 4 });
    pass(1000);
    expect(await names(file)).toEqual(['bob']);
  });

  it('reads a file again that could not be read for a moment', async () => {
    await using folder = await tempFolder();
    const { file, path, errors, pass } = await watched(folder);
    await addUser(path, 'bob', 'secret', { cost: 4 });
    await removeUser(path, 'alice');
    const failure = new Error('EMFILE: too many open files');
    vi.mocked(fs.readFile).mockRejectedValueOnce(failure).mockRejectedValueOnce(failure);
    for (let times = 0; times < 2; times++) {
      pass(1000);
      expect(await names(file)).toEqual(['alice']);
    }
    expect(errors).toMatchObject([{ code: 'INVALID_OPTION' }]);
    pass(1000);
    expect(await names(file)).toEqual(['bob']);
    expect(errors).toHaveLength(1);
  });

  it('sees that the rights of a file have changed', async () => {
    await using folder = await tempFolder();
    const { path } = await watched(folder);
    const before = await fileStamp(path);
    await fs.chmod(path, 0o640);
    expect(await fileStamp(path)).not.toBe(before);
  });

  it('needs a file that is there and valid at the start', async () => {
    await using folder = await tempFolder();
    const options = { now: Date.now, onError: () => undefined };
    await expect(UserFile.open(folder.at('none'), options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('ocilot user add') as string,
    });
    await fs.writeFile(folder.at('bad'), 'alice:plain\n');
    await expect(UserFile.open(folder.at('bad'), options)).rejects.toThrow(/line 1/);
  });
});

describe('fixedUsers', () => {
  it('refuses names and passwords that no client could send', () => {
    expect(outcome(() => fixedUsers({ 'a:b': 'secret' }))).toBe('INVALID_OPTION');
    expect(outcome(() => fixedUsers({ alice: '' }))).toBe('INVALID_OPTION');
  });
});
