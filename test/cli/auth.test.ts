import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageAuthCommand } from '../../cli/commands/auth-image.js';
import { startRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { alone, command } from './command.js';

/** A home folder whose Docker file says this. */
async function home(config: object): Promise<{ HOME: string }> {
  const HOME = await tempFolder();
  await mkdir(join(HOME, '.docker'));
  await writeFile(join(HOME, '.docker/config.json'), JSON.stringify(config));
  return { HOME };
}

const auths = {
  'r.example': { username: 'me', password: 'secret' },
  'id.example': { identitytoken: 'secret' },
  'reg.example': { registrytoken: 'secret' },
};

describe('ocilot auth explain', () => {
  it('shows every place and what won, without the secret', async () => {
    const env = await home({ auths });
    const { exitCode, written } = await command(['auth', 'explain', 'r.example/team'], { env });
    expect([exitCode, written]).toMatchObject([
      0,
      {
        out:
          'none   IMGPKG_REGISTRY_*: not set\n' +
          `found  ${env.HOME}/.docker/config.json: auths["r.example"]: user me\n` +
          'r.example/team: user me\n',
        err: '',
      },
    ]);
    const other = await command(['auth', 'explain', 'other.example'], { env });
    expect(other.written.out.trimEnd().split('\n').at(-1)).toBe('other.example: no credentials');
  });

  it('has a form for programs, and takes flags into account', async () => {
    const env = await home({ auths });
    const args = ['auth', 'explain', 'r.example', '-o', 'json', '--registry-token', 'secret'];
    const { written } = await command(args, { env });
    expect(JSON.parse(written.out)).toEqual({
      target: 'r.example',
      credentials: 'a registry token',
      findings: [
        { place: 'IMGPKG_REGISTRY_*', outcome: 'none', about: 'not set' },
        { place: 'given for every registry', outcome: 'found', about: 'a registry token' },
      ],
    });
    expect(written.out).not.toContain('secret');
  });

  it('prints what docs/credentials.md shows', async () => {
    const env = await home({ auths: { 'other.example': {} } });
    await mkdir(join(env.HOME, '.config/containers'), { recursive: true });
    const entry = { 'registry.example/team': { username: 'ci', password: 'secret' } };
    await writeFile(join(env.HOME, '.config/containers/auth.json'), JSON.stringify({ auths: entry }));
    const { written } = await command(['auth', 'explain', 'registry.example/team/app'], { env });
    const doc = await readFile(new URL('../../docs/credentials.md', import.meta.url), 'utf8');
    expect(doc).toContain(
      `$ ocilot auth explain registry.example/team/app\n${written.out.replaceAll(env.HOME, '/home/me')}\`\`\``,
    );
  });

  it('shows how far it came when a place cannot be read', async () => {
    const env = await home({ auths: 'secret' });
    const { exitCode, written } = await command(['auth', 'explain', 'r.example'], { env });
    expect([exitCode, written.out]).toEqual([2, '']);
    expect(written.err).toMatch(/^none {3}IMGPKG_REGISTRY_\*: not set\nocilot: .*auths is not an object\n$/);
  });
});

describe('image auth get', () => {
  const get = async (args: readonly string[], input = ''): Promise<[number, string, string]> => {
    const env = await home({ auths });
    const { exitCode, written } = await alone(imageAuthCommand, ['get', ...args], { env, input });
    return [exitCode, written.out, written.err];
  };

  it('answers as a credential helper', async () => {
    const answer = '{"Username":"me","Secret":"secret"}\n';
    expect(await get(['r.example'])).toEqual([0, answer, '']);
    expect(await get([], 'https://r.example/v1/\n')).toEqual([0, answer, '']);
    expect(await get(['id.example'])).toEqual([0, '{"Username":"<token>","Secret":"secret"}\n', '']);
  });

  it('says that there is nothing in the words that docker waits for', async () => {
    expect(await get(['other.example'])).toEqual([1, 'credentials not found in native keychain\n', '']);
    expect(await get(['r.example', '--registry-anon'])).toEqual([
      1,
      'credentials not found in native keychain\n',
      '',
    ]);
  });

  it('refuses what helpers cannot give, and no registry at all', async () => {
    expect(await get(['reg.example'])).toEqual([1, '', expect.stringContaining('registry token')]);
    expect(await get([], '\n')).toEqual([2, '', expect.stringContaining('registry "" is not valid')]);
  });
});

describe('image auth login and logout', () => {
  it('keep and forget without a question', async () => {
    const env = { HOME: await tempFolder(), DOCKER_CONFIG: await tempFolder() };
    const file = join(env.DOCKER_CONFIG, 'config.json');
    const login = await alone(imageAuthCommand, ['login', 'r.example', '-u', 'me', '--password-stdin'], {
      env,
      input: 'pw\n\n',
    });
    expect([login.exitCode, login.written]).toMatchObject([0, { out: '', err: `logged in via ${file}\n` }]);
    const get = await alone(imageAuthCommand, ['get', 'r.example'], { env });
    expect(get.written.out).toBe('{"Username":"me","Secret":"pw\\n"}\n');
    const logout = await alone(imageAuthCommand, ['logout', 'r.example'], { env });
    expect(logout.written.err).toBe(`logged out via ${file}\n`);
    expect((await alone(imageAuthCommand, ['get', 'r.example'], { env })).exitCode).toBe(1);
  });

  it('refuse only when both are missing', async () => {
    const env = { HOME: await tempFolder() };
    const neither = await alone(imageAuthCommand, ['login', 'r.example'], { env });
    expect([neither.exitCode, neither.written.err]).toEqual([
      2,
      'ocilot: username and password are required\n',
    ]);
    expect((await alone(imageAuthCommand, ['login', 'r.example', '-u', 'me'], { env })).exitCode).toBe(0);
  });
});

describe('image auth token', () => {
  it('buys a token that opens the repository', async () => {
    await using registry = await startRegistry({
      access: { mode: 'bearer', users: { alice: 'wonderland' }, rules: [], admins: ['alice'] },
      seed: { 'team/app': { v1: { files: {} } } },
    });
    const env = await home({ auths: { [registry.host]: { username: 'alice', password: 'wonderland' } } });
    const token = (...args: string[]): Promise<{ exitCode: number; written: { out: string; err: string } }> =>
      alone(imageAuthCommand, ['token', `${registry.host}/team/app`, ...args], { env });
    const { out } = (await token('-H')).written;
    expect(out).toMatch(/^Authorization: Bearer \S+$/);
    const authorization = out.slice('Authorization: '.length);
    const status = async (method: string, path: string): Promise<number> =>
      (await fetch(`${registry.url}${path}`, { method, headers: { authorization } })).status;
    expect(await status('GET', '/v2/team/app/tags/list')).toBe(200);
    expect(await status('POST', '/v2/team/app/blobs/uploads/')).toBe(401);

    registry.requests.clear();
    const answer = JSON.parse(
      (await token('--push', '-m', `${registry.host}/base,${registry.host}/b`)).written.out,
    );
    expect(answer).toEqual({
      token: expect.any(String) as string,
      access_token: (answer as { token: string }).token,
      refresh_token: '',
      expires_in: expect.any(Number) as number,
    });
    const [asked] = [...registry.requests].filter(({ operation }) => operation === 'token');
    expect(new URLSearchParams(asked?.query).getAll('scope')).toEqual([
      'repository:team/app:push,pull',
      'repository:base:pull',
      'repository:b:pull',
    ]);
  });

  it.each([
    ['basic', 'it wants basic'],
    [undefined, 'it asks for no credentials'],
  ] as const)('says that a registry does not work by tokens: %s', async (mode, why) => {
    const access = mode && { mode, users: { a: 'b' }, rules: [], admins: ['a'] };
    await using registry = await startRegistry(access && { access });
    const { exitCode, written } = await alone(imageAuthCommand, ['token', `${registry.host}/a`], {
      env: { HOME: await tempFolder() },
    });
    expect([exitCode, written.out, written.err]).toEqual([1, '', expect.stringContaining(why)]);
  });
});
