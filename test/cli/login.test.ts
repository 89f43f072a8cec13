import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main } from '../../cli/program.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { command } from './command.js';
import { fakeContext } from './context.js';
import { run } from './run.js';

const encoded = (text: string): string => Buffer.from(text).toString('base64');

async function place(): Promise<{ env: { HOME: string }; file: string }> {
  const HOME = await tempFolder();
  return { env: { HOME }, file: join(HOME, '.docker/config.json') };
}

const authsIn = async (file: string): Promise<unknown> =>
  (JSON.parse(await readFile(file, 'utf8')) as { auths: unknown }).auths;

const guarded = (mode: 'basic' | 'bearer'): Promise<TestRegistry> =>
  startRegistry({ access: { mode, users: { alice: 'wonderland' }, rules: [], admins: ['alice'] } });

describe('ocilot login and logout', () => {
  it('keep a password and forget it', async () => {
    const { env, file } = await place();
    const kept = await command(['login', 'r.example/team', '-u', 'me', '--password-stdin'], {
      env,
      input: 'a:b\n',
    });
    expect([kept.exitCode, kept.written]).toMatchObject([
      0,
      { out: '', err: `logged in to r.example/team as me; kept by ${file}\n` },
    ]);
    expect(await authsIn(file)).toEqual({ 'r.example/team': { auth: encoded('me:a:b') } });
    const gone = await command(['logout', 'r.example/team'], { env });
    expect([gone.exitCode, gone.written.err]).toEqual([0, `logged out of r.example/team in ${file}\n`]);
    expect(await authsIn(file)).toEqual({});
    const again = await command(['logout', 'r.example/team'], { env });
    expect([again.exitCode, again.written.err]).toEqual([0, `${file} has nothing for r.example/team\n`]);
  });

  it('write the file they are told to, and Docker Hub under its old name', async () => {
    const { env } = await place();
    const file = join(env.HOME, 'auth.json');
    await command(['login', 'docker.io', '-u', 'me', '-p', 'pw', '--authfile', file], { env });
    expect(await authsIn(file)).toEqual({ 'https://index.docker.io/v1/': { auth: encoded('me:pw') } });
  });

  it('name the program that keeps them', async () => {
    const { env, file } = await place();
    const program = join(env.HOME, 'docker-credential-vault');
    await writeFile(program, `#!/bin/sh\ncat >> ${env.HOME}/log\n`);
    await chmod(program, 0o755);
    const auth = join(env.HOME, 'auth.json');
    await writeFile(auth, '{"credsStore":"vault"}');
    const options = { env: { ...env, PATH: `${env.HOME}:/usr/bin:/bin` } };
    const kept = await command(['login', 'r.example', '-u', 'me', '-p', 'pw', '--authfile', auth], options);
    expect(kept.written.err).toBe(
      `logged in to r.example as me; kept by docker-credential-vault, which ${auth} names\n`,
    );
    const gone = await command(['logout', 'r.example', '--authfile', auth], options);
    expect(gone.written.err).toBe('docker-credential-vault forgets r.example\n');
    expect(await readFile(join(env.HOME, 'log'), 'utf8')).toContain('"Secret":"pw"');
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  it.each(['basic', 'bearer'] as const)('keep with --check what the registry takes by %s', async (mode) => {
    await using registry = await guarded(mode);
    const { env, file } = await place();
    const login = ['login', registry.host, '-u', 'alice', '--password-stdin', '--check'];
    const wrong = await command(login, { env, input: 'nonsense' });
    expect([wrong.exitCode, wrong.written.out]).toEqual([1, '']);
    expect(wrong.written.err).toContain(registry.host);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
    const right = await command(login, { env, input: 'wonderland' });
    expect(right.exitCode).toBe(0);
    expect(await authsIn(file)).toEqual({ [registry.host]: { auth: encoded('alice:wonderland') } });
  });

  it('check over a socket when they are built, too', async () => {
    await using registry = await guarded('basic');
    const { env } = await place();
    const args = ['login', registry.host, '-u', 'alice', '--password-stdin', '--check'];
    expect((await run(args, { env, input: 'wonderland' })).code).toBe(0);
    expect((await run(args, { env, input: 'nonsense' })).code).toBe(1);
  });

  it('says when there was nothing to check', async () => {
    await using registry = await startRegistry();
    const { env } = await place();
    const { exitCode, written } = await command(['login', registry.host, '-u', 'me', '-p', 'pw', '--check'], {
      env,
    });
    expect(exitCode).toBe(0);
    expect(written.err).toContain(`${registry.host} asks nobody for credentials: these were not checked\n`);
  });

  it('asks on a terminal, once, and shows no password', async () => {
    const { env, file } = await place();
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const context = { ...fakeContext({ env }), input };
    const written: string[] = [];
    const said = (text: string): void => {
      written.push(text);
      // Typed after each question.
      if (text === 'Username: ') setImmediate(() => input.write('me\n'));
      if (text === 'Password: ') setImmediate(() => input.write('pw\n'));
    };
    const err = { ...context.err, isTerminal: true, write: said };
    expect(await main(['login', 'r.example'], { ...context, err })).toBe(0);
    expect(written.join('')).toBe(`Username: Password: \nlogged in to r.example as me; kept by ${file}\n`);
    expect(await authsIn(file)).toEqual({ 'r.example': { auth: encoded('me:pw') } });
  });

  it.each([
    ['\u0003', 1, 'interrupted'],
    ['\u0004', 2, 'no password was given'],
  ])('ends at the key %j, and keeps nothing', async (key, code, why) => {
    const { env, file } = await place();
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const written: string[] = [];
    const write = (text: string): void => {
      written.push(text);
      if (text === 'Password: ') setImmediate(() => input.write(key));
    };
    const plain = fakeContext({ env });
    const context = { ...plain, input, err: { ...plain.err, isTerminal: true, write } };
    expect(await main(['login', 'r.example', '-u', 'me'], context)).toBe(code);
    expect(written.join('')).toBe(`Password: \nocilot: ${why}\n`);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  it.each([
    [['login', 'r.example'], /no terminal to ask for the user/],
    [['login', 'r.example', '-u', 'me'], /no terminal to ask for the password/],
    [['login', 'r.example', '--password-stdin'], /needs --username/],
    [['login', 'r.example', '-u', 'me', '-p', 'x', '--password-stdin'], /exclude each other/],
    [['login', 'r.example', '-u', 'me', '--password-stdin'], /must not be empty/],
    [['login', 'not a host', '-u', 'me', '-p', 'x'], /registry "not a host" is not valid/],
    [['login', 'r.example/UP', '-u', 'me', '-p', 'x'], /is not valid/],
    [['logout', '../etc'], /is not valid/],
    [['login', 'r.example', '-u', 'me', '-p', 'x', '--retry', '0'], /from 1 to 100/],
  ])('%j is refused in one line', async (args, problem) => {
    const { env, file } = await place();
    const { exitCode, written } = await command(args, { env });
    expect([exitCode, written.out]).toEqual([2, '']);
    expect(written.err).toMatch(problem);
    expect(written.err.trimEnd().split('\n')).toHaveLength(1);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  it.each(['basic', 'bearer'] as const)('are named to who is refused by %s', async (mode) => {
    const { env } = await place();
    await using registry = await guarded(mode);
    const { exitCode, written } = await command(['image', 'digest', `${registry.host}/app:1`], { env });
    expect([exitCode, written.out]).toEqual([1, '']);
    expect(written.err).toContain(
      `(hint: \`ocilot login ${registry.host}\` gives credentials, \`ocilot auth explain ${registry.host}\` shows which it has)\n`,
    );
  });
});
