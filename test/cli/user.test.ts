import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../cli/program.js';
import { tempFolder } from '../helpers/temp.js';
import { fakeContext, type FakeContext } from './context.js';
import { serve } from './run.js';

/** Runs a command in this process. */
async function command(args: readonly string[], input?: string): Promise<FakeContext> {
  const context = fakeContext(input === undefined ? {} : { input });
  context.exitCode = await main(args, context);
  return context;
}

describe('ocilot user', () => {
  it('adds, changes, lists and removes', async () => {
    const data = join(await tempFolder(), 'not', 'there', 'yet');
    const at = ['--data', data];
    const file = join(data, 'htpasswd');
    const added = await command(['user', 'add', 'bob', ...at, '--password-stdin'], 'one\n');
    expect([added.exitCode, added.written]).toEqual([0, { out: '', err: `added bob in ${file}\n` }]);
    await command(['user', 'add', 'alice', '--file', file, '--password-stdin'], 'two');
    const changed = await command(['user', 'add', 'bob', ...at, '--password-stdin'], 'three');
    expect(changed.written.err).toBe(`changed the password of bob in ${file}\n`);
    expect(await readFile(file, 'utf8')).toMatch(/^bob:\$2[by]\$10\$\S{53}\nalice:\$2[by]\$10\$\S{53}\n$/);
    expect((await command(['user', 'list', ...at])).written.out).toBe('alice\nbob\n');
    expect((await command(['user', 'list', ...at, '-o', 'json'])).written.out).toBe('["alice","bob"]\n');
    expect((await command(['user', 'remove', 'bob', ...at])).written.err).toBe(`removed bob from ${file}\n`);
    const missing = await command(['user', 'remove', 'bob', ...at]);
    expect([missing.exitCode, missing.written.err]).toEqual([
      1,
      `ocilot: there is no user "bob" in ${file}\n`,
    ]);
  });

  it('takes no password from a pipe that was not announced', async () => {
    const { exitCode, written } = await command(['user', 'add', 'bob', '--file', '/nowhere/htpasswd'], 'one');
    expect([exitCode, written.err]).toEqual([
      2,
      'ocilot: there is no terminal to ask for the password: pipe it in with --password-stdin\n',
    ]);
  });

  it.each([
    [['add', 'a:b'], 'x', /user name "a:b" is not valid/],
    [['add', 'bob'], '', /the password is empty/],
    [['add', 'bob'], 'x'.repeat(70_000), /the password on standard input is too long/],
  ])('%j is refused in one line', async (args, input, problem) => {
    const file = join(await tempFolder(), 'htpasswd');
    const { exitCode, written } = await command(['user', ...args, '--file', file, '--password-stdin'], input);
    expect([exitCode, written.err]).toEqual([2, expect.stringMatching(problem)]);
    expect(written.err.split('\n')).toHaveLength(2);
  });

  it('says when there is no file, and what makes it', async () => {
    const { exitCode, written } = await command(['user', 'list', '--file', '/nowhere/htpasswd']);
    expect([exitCode, written.err]).toEqual([
      2,
      'ocilot: there is no file /nowhere/htpasswd: `ocilot user add` makes it\n',
    ]);
  });

  it('lets a user into a server that is told of the data folder only', async () => {
    const data = await tempFolder();
    await command(['user', 'add', 'alice', '--data', data, '--password-stdin'], 'secret');
    const { url } = await serve(['--data', data, '--access-mode', 'basic']);
    const status = async (password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`;
      return (await fetch(`${url}/v2/`, { headers: { authorization } })).status;
    };
    expect([await status('secret'), await status('wrong')]).toEqual([200, 401]);
  });
});
