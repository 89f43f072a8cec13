import { readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { verify } from '@node-rs/bcrypt';
import { describe, expect, it } from 'vitest';
import { addUser, removeUser } from '../../../registry/access/edit-users.js';
import { parseHtpasswd } from '../../../registry/access/htpasswd.js';
import { tempFolder } from './temp.js';

const FAST = { cost: 4 };

describe('addUser', () => {
  it('makes a file that only its owner can read', async () => {
    await using folder = await tempFolder();
    const path = folder.at('htpasswd');
    expect(await addUser(path, 'alice', 'secret')).toBe('added');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const hash = parseHtpasswd(await readFile(path, 'utf8'), path).get('alice') ?? '';
    expect(hash).toMatch(/^\$2[by]\$10\$/);
    expect(await verify('secret', hash)).toBe(true);
    expect(await readdir(folder.path)).toEqual(['htpasswd']);
  });

  it('changes a password and leaves everything else', async () => {
    await using folder = await tempFolder();
    const path = folder.at('htpasswd');
    await addUser(path, 'alice', 'one', FAST);
    await addUser(path, 'bob', 'two', FAST);
    const [alice = '', bob = ''] = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, `# people\r\n${alice}\r\n\r\n${bob}`);
    expect(await addUser(path, 'alice', 'three', FAST)).toBe('changed');
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines).toEqual(['# people', expect.stringMatching(/^alice:/), '', bob, '']);
    expect(lines[1]).not.toBe(alice);
  });

  it('loses none of many changes at once', async () => {
    await using folder = await tempFolder();
    const path = folder.at('htpasswd');
    const names = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    await Promise.all(names.map((name) => addUser(path, name, 'secret', FAST)));
    const users = parseHtpasswd(await readFile(path, 'utf8'), path);
    expect([...users.keys()].toSorted()).toEqual(names.toSorted());
  });

  it('writes to the file that a link leads to', async () => {
    await using folder = await tempFolder();
    await addUser(folder.at('real'), 'alice', 'secret', FAST);
    await symlink(folder.at('real'), folder.at('link'));
    await addUser(folder.at('link'), 'bob', 'secret', FAST);
    expect(await readFile(folder.at('real'), 'utf8')).toMatch(/^bob:/m);
  });

  it.each([
    ['a name with a colon', 'a:b', 'secret', {}],
    ['an empty password', 'alice', '', {}],
    ['a password longer than bcrypt reads', 'alice', 'ä'.repeat(37), {}],
    ['a password with a line end', 'alice', 'secret\n', {}],
    ['a cost out of range', 'alice', 'secret', { cost: 3 }],
  ])('refuses %s and writes nothing', async (_, name, password, options) => {
    await using folder = await tempFolder();
    await expect(addUser(folder.at('f'), name, password, options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('leaves a file alone that it cannot read whole', async () => {
    await using folder = await tempFolder();
    const path = folder.at('htpasswd');
    await writeFile(path, 'carol:$apr1$x$y\n');
    await expect(addUser(path, 'alice', 'secret', FAST)).rejects.toThrow(/line 1 .* not bcrypt/);
    expect(await readFile(path, 'utf8')).toBe('carol:$apr1$x$y\n');
  });

  it('says so when the folder is not there', async () => {
    await using folder = await tempFolder();
    await expect(addUser(folder.at('no/f'), 'alice', 'secret', FAST)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('cannot be changed') as string,
    });
  });
});

describe('removeUser', () => {
  it('removes one user', async () => {
    await using folder = await tempFolder();
    const path = folder.at('htpasswd');
    await addUser(path, 'alice', 'secret', FAST);
    await addUser(path, 'bob', 'secret', FAST);
    expect(await removeUser(path, 'alice')).toBe(true);
    expect([...parseHtpasswd(await readFile(path, 'utf8'), path).keys()]).toEqual(['bob']);
    expect(await removeUser(path, 'bob')).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('tells when there is no such user, and makes no file', async () => {
    await using folder = await tempFolder();
    expect(await removeUser(folder.at('f'), 'alice')).toBe(false);
    expect(await readdir(folder.path)).toEqual([]);
  });
});
