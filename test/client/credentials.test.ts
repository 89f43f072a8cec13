import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  anonymous,
  chain,
  defaultKeychain,
  explain,
  fileKeychain,
  githubKeychain,
  imgpkgEnvironment,
  login,
  logout,
  staticKeychain,
  textKeychain,
  type Credentials,
} from '../../client/index.js';
import { tempFolder } from '../helpers/temp.js';

const encoded = (user: string, password: string): string =>
  Buffer.from(`${user}:${password}`).toString('base64');
const user = (username: string, password = 'pw'): Credentials => ({ kind: 'password', username, password });
const auths = (...names: string[]): string =>
  JSON.stringify({
    auths: Object.fromEntries(names.map((name) => [name, { username: name, password: 'pw' }])),
  });

/** Who a file says one is. */
async function who(text: string, registry: string, repository?: string): Promise<string | undefined> {
  const found = await textKeychain(text, 'text').resolve({ registry, ...(repository && { repository }) });
  return found?.kind === 'password' ? found.username : found?.kind;
}

/** A folder with helper programs: each is a shell script. */
async function helpers(
  scripts: Readonly<Record<string, string>>,
): Promise<{ dir: string; environment: { PATH: string } }> {
  const dir = await tempFolder();
  for (const [name, script] of Object.entries(scripts)) {
    const path = join(dir, `docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }
  return { dir, environment: { PATH: `${dir}:/usr/bin:/bin` } };
}

describe('a file of credentials', () => {
  it.each([
    ['registry.example', 'registry.example'],
    ['Registry.Example', 'registry.example'],
    ['registry.example:5000', undefined],
    ['egistry.example', undefined],
    ['registry.example.evil', undefined],
    ['my-registry.example', undefined],
  ])('matches hosts whole: %s', async (host, expected) => {
    expect(await who(auths('registry.example'), host)).toBe(expected);
  });

  it.each([
    'https://registry.example',
    'http://registry.example/',
    'https://registry.example/v1/',
    'registry.example/v2',
  ])('knows the host in %s', async (key) => expect(await who(auths(key), 'registry.example')).toBe(key));

  it.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'])(
    'knows Docker Hub as %s',
    async (key) => expect(await who(auths(key), 'index.docker.io', 'library/alpine')).toBe(key),
  );

  it('takes the longest path that fits, and only whole parts of one', async () => {
    const text = auths('r.example', 'r.example/team', 'r.example/team/app');
    expect(await who(text, 'r.example', 'team/app')).toBe('r.example/team/app');
    expect(await who(text, 'r.example', 'team/app/x')).toBe('r.example/team/app');
    expect(await who(text, 'r.example', 'team/apple')).toBe('r.example/team');
    expect(await who(text, 'r.example', 'teams')).toBe('r.example');
    expect(await who(auths('r.example/team'), 'r.example')).toBeUndefined();
  });

  it.each<[object, Credentials | undefined]>([
    [{ auth: encoded('me', 'a:b') }, user('me', 'a:b')],
    [{ auth: encoded('me', 'pw').replace(/=+$/, '') }, user('me')],
    [{ username: 'me', password: 'pw' }, user('me')],
    [
      { auth: encoded('me', ''), identitytoken: 'id' },
      { kind: 'identity', token: 'id', username: 'me' },
    ],
    [{ auth: encoded('<token>', 'id') }, { kind: 'identity', token: 'id' }],
    [{ registrytoken: 'reg' }, { kind: 'token', token: 'reg' }],
    [{}, undefined],
  ])('understands %j', async (entry, expected) => {
    const text = JSON.stringify({ auths: { 'r.example': entry } });
    expect(await textKeychain(text, 'text').resolve({ registry: 'r.example' })).toEqual(expected);
  });

  it.each([
    '{"auths": "secret"}',
    '{"auth secret',
    '[]',
    '{"auths":{"a":"secret"}}',
    '{"auths":{"a":{"auth":"c2VjcmV0"}}}',
    '{"credsStore":7}',
    '{"credHelpers":{"a":1}}',
  ])('refuses %s and shows nothing secret', async (text) => {
    const error = await textKeychain(text, 'the file')
      .resolve({ registry: 'a' })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(String(error)).toMatch(/the file/);
    expect(String(error)).not.toMatch(/secret|c2Vj/);
  });
});

describe('credential helpers', () => {
  const echo = `read host; echo "{\\"ServerURL\\":\\"$host\\",\\"Username\\":\\"$0 $host\\",\\"Secret\\":\\"pw\\"}"`;
  const none = 'echo "credentials not found in native keychain"; exit 1';

  async function ask(file: object, scripts: Record<string, string>, registry: string): Promise<unknown> {
    const { environment } = await helpers(scripts);
    const found = await textKeychain(JSON.stringify(file), 'config.json', { environment }).resolve({
      registry,
    });
    return found?.kind === 'password' ? found.username.replace(/^.*docker-credential-/, '') : found;
  }

  it('asks that of the host, else that for all, else the file', async () => {
    const file = { credHelpers: { 'own.example': 'own' }, credsStore: 'all' };
    expect(await ask(file, { own: echo, all: echo }, 'own.example')).toBe('own own.example');
    expect(await ask(file, { own: echo, all: echo }, 'other.example')).toBe('all other.example');
    expect(
      await ask(
        { ...file, auths: { 'other.example': { auth: encoded('me', 'pw') } } },
        { all: none },
        'other.example',
      ),
    ).toBe('me');
  });

  it('calls Docker Hub by its old name', async () => {
    expect(await ask({ credsStore: 'all' }, { all: echo }, 'index.docker.io')).toBe(
      'all https://index.docker.io/v1/',
    );
  });

  it('takes the user <token> for an identity token, and nothing for nothing', async () => {
    const token = `echo '{"Username":"<token>","Secret":"id"}'`;
    expect(await ask({ credsStore: 'all' }, { all: token }, 'r.example')).toEqual({
      kind: 'identity',
      token: 'id',
    });
    expect(await ask({ credsStore: 'all' }, { all: none }, 'r.example')).toBeUndefined();
  });

  it.each([
    ['is not there', {}],
    ['fails', { all: 'echo "the vault is locked"; exit 1' }],
    ['prints no JSON', { all: 'echo hello' }],
  ])('names one that %s', async (_, scripts) => {
    await expect(ask({ credsStore: 'all' }, scripts, 'r.example')).rejects.toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(/docker-credential-all.*config\.json/) as string,
      }),
    );
  });

  it('runs nothing whose name is no name', async () => {
    await expect(ask({ credsStore: '../evil' }, {}, 'r.example')).rejects.toThrow(
      'no name of a credential helper',
    );
  });

  it('ends one by the signal', async () => {
    const { environment } = await helpers({ slow: 'exec sleep 60' });
    const abort = new AbortController();
    const keychain = textKeychain('{"credsStore":"slow"}', 'text', { environment });
    const found = keychain.resolve({ registry: 'r.example' }, { signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(found).rejects.toBe(reason);
  });
});

describe("imgpkg's variables", () => {
  const resolve = async (
    environment: Record<string, string>,
    registry: string,
    repository = 'team/app',
  ): Promise<unknown> => {
    const found = await imgpkgEnvironment(environment).resolve({ registry, repository });
    return found?.kind === 'password' ? found.username : found;
  };
  const group = (suffix: string, host: string, name: string): Record<string, string> => ({
    [`IMGPKG_REGISTRY_HOSTNAME${suffix}`]: host,
    [`IMGPKG_REGISTRY_USERNAME${suffix}`]: name,
    [`IMGPKG_REGISTRY_PASSWORD${suffix}`]: 'pw',
  });

  it('match by port, labels, globs and path; the longer and more literal first', async () => {
    const all = {
      ...group('', 'r.example', 'plain'),
      ...group('_0', '*.example', 'glob'),
      ...group('_1', 'https://r.example/v2/team', 'path'),
      ...group('_2', 'r.example:5000', 'port'),
    };
    expect(await resolve(all, 'r.example', 'other')).toBe('plain');
    expect(await resolve(all, 'r.example')).toBe('path');
    expect(await resolve(all, 'r.example', 'teams/app')).toBe('plain');
    expect(await resolve(all, 's.example')).toBe('glob');
    expect(await resolve(all, 'a.s.example')).toBeUndefined();
    expect(await resolve(all, 'r.example:5000')).toBe('port');
    expect(await resolve(all, 'rxexample')).toBeUndefined();
  });

  it('are for one IPv6 address, and no other', async () => {
    const one = { ...group('', '[2001:db8::1]:5000', 'one'), ...group('_0', '[::1]', 'bare') };
    expect(await resolve(one, '[2001:db8::1]:5000')).toBe('one');
    expect(await resolve(one, '[::1]')).toBe('bare');
    for (const other of ['[2001:db8::2]:5000', '[2001:db8::1]', '[::2]', '[::1]:5000', '[2001:db8::1]:443'])
      expect(await resolve(one, other)).toBeUndefined();
  });

  it('hold tokens too', async () => {
    const host = { IMGPKG_REGISTRY_HOSTNAME_A: 'r.example' };
    expect(await resolve({ ...host, IMGPKG_REGISTRY_IDENTITY_TOKEN_A: 'id' }, 'r.example')).toEqual({
      kind: 'identity',
      token: 'id',
    });
    expect(await resolve({ ...host, IMGPKG_REGISTRY_REGISTRY_TOKEN_A: 'reg' }, 'r.example')).toEqual({
      kind: 'token',
      token: 'reg',
    });
    expect(
      await resolve({ IMGPKG_REGISTRY_USERNAME: 'x', IMGPKG_REGISTRY_AZURE_CR_CONFIG: 'y' }, 'r.example'),
    ).toBeUndefined();
  });

  it('of a path are for all that begins so, where nothing fits better', async () => {
    const only = group('', 'r.example/team', 'path');
    expect(await resolve(only, 'r.example', 'team')).toBe('path');
    expect(await resolve(only, 'r.example', 'teams/app')).toBe('path');
    expect(await resolve(only, 'r.example', 'other/team')).toBeUndefined();
  });

  it('that are not known break nothing, and are told of once (weakness 17)', async () => {
    const told: string[] = [];
    const keychain = imgpkgEnvironment(
      { ...group('', 'r.example', 'a'), IMGPKG_REGISTRY_HOST: 'r.example' },
      { onWarning: (text) => told.push(text) },
    );
    const target = { registry: 'r.example', repository: 'x' };
    expect(await keychain.resolve(target)).toMatchObject({ username: 'a' });
    expect(await keychain.resolve(target)).toMatchObject({ username: 'a' });
    expect(told).toEqual([expect.stringContaining('IMGPKG_REGISTRY_HOST is not known')]);
  });
});

describe('keychains', () => {
  it('come one after another', async () => {
    const both = chain(
      anonymous,
      staticKeychain(user('a'), { registries: ['a.example'] }),
      staticKeychain(user('b')),
    );
    expect(await both.resolve({ registry: 'a.example' })).toEqual(user('a'));
    expect(await both.resolve({ registry: 'b.example' })).toEqual(user('b'));
  });

  it("give GitHub's token to ghcr.io only", async () => {
    const keychain = githubKeychain({ GITHUB_TOKEN: 't' });
    expect(await keychain.resolve({ registry: 'ghcr.io' })).toEqual(user('unset', 't'));
    for (const registry of ['ghcr.io.evil', 'x.ghcr.io', 'ghcr.io:444'])
      expect(await keychain.resolve({ registry })).toBeUndefined();
  });

  it('explain where they looked and what won', async () => {
    const home = await tempFolder();
    const auth = join(home, 'auth.json');
    await writeFile(auth, auths('r.example'));
    const keychain = defaultKeychain({
      home,
      environment: { REGISTRY_AUTH_FILE: auth, DOCKER_AUTH_CONFIG: '{}' },
    });
    const { findings, credentials } = await explain(keychain, { registry: 'r.example', repository: 'a/b' });
    expect(credentials).toEqual(user('r.example'));
    expect(findings).toEqual([
      { place: 'IMGPKG_REGISTRY_*', outcome: 'none', about: 'not set' },
      {
        place: 'DOCKER_AUTH_CONFIG',
        outcome: 'none',
        about: 'no entry for r.example/a/b, r.example/a, r.example',
      },
      { place: join(home, '.docker/config.json'), outcome: 'none', about: 'no such file' },
      { place: `${auth}: auths["r.example"]`, outcome: 'found', about: 'user r.example' },
    ]);
  });
});

describe('login and logout', () => {
  it('keep credentials for this user only, and what else is in the file', async () => {
    const file = join(await tempFolder(), 'new', 'config.json');
    await login('r.example', user('me'), { file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(
      file,
      JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), HttpHeaders: { a: 'b' } }),
    );
    await chmod(file, 0o644);
    await login('docker.io', user('hub'), { file });
    await login('r.example/team', { kind: 'identity', token: 'id', username: 'me' }, { file });
    await login('t.example', { kind: 'token', token: 'reg' }, { file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const document = JSON.parse(await readFile(file, 'utf8')) as { auths: object };
    expect(document).toMatchObject({ HttpHeaders: { a: 'b' } });
    expect(Object.keys(document.auths)).toEqual([
      'r.example',
      'https://index.docker.io/v1/',
      'r.example/team',
      't.example',
    ]);
    const keychain = fileKeychain(file);
    expect(await keychain.resolve({ registry: 'index.docker.io' })).toEqual(user('hub'));
    expect(await keychain.resolve({ registry: 'r.example', repository: 'team/x' })).toMatchObject({
      token: 'id',
      username: 'me',
    });
    expect(await keychain.resolve({ registry: 't.example' })).toEqual({ kind: 'token', token: 'reg' });
    expect(await logout('https://r.example/v1/', { file })).toEqual({ removed: true });
    expect(await logout('r.example', { file })).toEqual({ removed: false });
    expect(await keychain.resolve({ registry: 'r.example' })).toBeUndefined();
    expect(await readdir(join(file, '..'))).toEqual(['config.json']);
  });

  it('go to the helper that the file names', async () => {
    const { dir, environment } = await helpers({});
    const script = `#!/bin/sh\necho "$1 $(cat)" >> ${dir}/log\n`;
    await writeFile(join(dir, 'docker-credential-all'), script, { mode: 0o755 });
    const file = join(dir, 'config.json');
    await writeFile(file, '{"credsStore":"all"}');
    expect(await login('docker.io', user('me'), { file, environment })).toEqual({ helper: 'all' });
    expect(await readFile(file, 'utf8')).not.toContain('pw');
    expect(await logout('docker.io', { file, environment })).toEqual({ helper: 'all', removed: true });
    expect((await readFile(join(dir, 'log'), 'utf8')).trim().split('\n')).toEqual([
      'store {"ServerURL":"https://index.docker.io/v1/","Username":"me","Secret":"pw"}',
      'erase https://index.docker.io/v1/',
    ]);
  });

  it('leave the file alone when it cannot be read', async () => {
    const dir = await tempFolder();
    const file = join(dir, 'config.json');
    await writeFile(file, 'not json');
    await expect(login('r.example', user('me'), { file })).rejects.toThrow('not JSON');
    expect(await readFile(file, 'utf8')).toBe('not json');
    await mkdir(join(dir, 'folder'));
    await expect(login('r.example', user('me'), { file: join(dir, 'folder') })).rejects.toThrow(
      /cannot be read/,
    );
  });
});
