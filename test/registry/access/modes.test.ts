import { describe, expect, it } from 'vitest';
import { OPEN_ACCESS, addUser, createRegistry, type AccessOptions } from '../../../registry/index.js';
import { pushManifest, imageOf, blobOf, type Site } from '../helpers.js';
import { RULES, USERS, basic, bearer, challengeOf, getToken, openWith } from './site.js';
import { tempFolder } from './temp.js';

const GUARDED = ['basic', 'bearer'] as const;

/** Pushes an image as a user. */
async function push(site: Site, repo: string, headers: Record<string, string>): Promise<void> {
  const ask: Site['ask'] = (method, path, init = {}) =>
    site.ask(method, path, { ...init, headers: { ...headers, ...(init.headers as Record<string, string>) } });
  await pushManifest({ ...site, ask }, repo, 'v1', imageOf());
}

const statusOf = async (
  site: Site,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<number> => (await site.ask(method, path, { headers })).status;

describe('mode none', () => {
  it('lets everybody do everything, whatever credentials come', async () => {
    await using site = await openWith({ mode: 'none' });
    await push(site, 'any', {});
    expect(await statusOf(site, 'GET', '/v2/')).toBe(200);
    expect(await statusOf(site, 'GET', '/v2/', basic('alice'))).toBe(200);
    expect(await statusOf(site, 'DELETE', '/v2/any/manifests/v1', bearer('stale'))).toBe(202);
    expect(await statusOf(site, 'GET', '/_ocilot/token')).toBe(404);
    expect(site.registry.options.access).toBe(OPEN_ACCESS);
  });
});

describe.each(GUARDED)('mode %s', (mode) => {
  const access: AccessOptions = { mode, users: USERS, rules: RULES, admins: ['root'] };

  it('asks at the ping, also where anybody may pull', async () => {
    await using site = await openWith(access);
    for (const method of ['GET', 'HEAD']) {
      const answer = await site.ask(method, '/v2/');
      expect(answer.status).toBe(401);
      expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
      expect(challengeOf(answer)).toEqual(
        mode === 'basic'
          ? { scheme: 'Basic', realm: 'ocilot' }
          : { scheme: 'Bearer', realm: 'http://registry.test/_ocilot/token', service: 'registry.test' },
      );
    }
    expect(await statusOf(site, 'GET', '/v2/', basic('alice'))).toBe(200);
  });

  it('refuses wrong credentials everywhere, also where none are needed', async () => {
    await using site = await openWith(access);
    await push(site, 'open/app', basic('alice'));
    const wrong = [
      basic('alice', 'wrong'),
      basic('mallory', 'wonderland'),
      basic('alice', ''),
      basic('', 'wonderland'),
      { authorization: 'Basic !!!' },
      { authorization: 'Basic' },
      { authorization: 'Digest username="alice"' },
      { authorization: `Basic ${Buffer.from('no colon').toString('base64')}` },
      bearer('not-a-token'),
    ];
    for (const headers of wrong) {
      for (const path of ['/v2/', '/v2/open/app/manifests/v1', '/v2/_catalog']) {
        const answer = await site.ask('GET', path, { headers });
        expect([answer.status, ...answer.codes()]).toEqual([401, 'UNAUTHORIZED']);
        expect(challengeOf(answer).scheme.toLowerCase()).toBe(mode);
      }
    }
  });

  it('lets anybody pull and only some push, delete and look', async () => {
    await using site = await openWith(access);
    await push(site, 'open/app', basic('alice'));
    await push(site, 'team/app', basic('bob'));
    await push(site, 'secret/app', basic('alice'));
    const pull = (repo: string, headers = {}): Promise<number> =>
      statusOf(site, 'GET', `/v2/${repo}/manifests/v1`, headers);
    expect(await Promise.all(['open/app', 'team/app', 'secret/app'].map((repo) => pull(repo)))).toEqual([
      200, 401, 401,
    ]);
    expect(await pull('team/app', basic('bob'))).toBe(200);
    expect(await pull('secret/app', basic('bob'))).toBe(403);
    expect(await pull('secret/app', basic('alice'))).toBe(200);
    const start = (repo: string, headers = {}): Promise<number> =>
      statusOf(site, 'POST', `/v2/${repo}/blobs/uploads/`, headers);
    expect(await start('open/app')).toBe(401);
    expect(await start('open/app', basic('bob'))).toBe(403);
    expect(await start('team/new', basic('bob'))).toBe(202);
    const remove = (repo: string, headers = {}): Promise<number> =>
      statusOf(site, 'DELETE', `/v2/${repo}/manifests/v1`, headers);
    expect(await remove('open/app')).toBe(401);
    expect(await remove('secret/app', basic('alice'))).toBe(403);
    expect(await remove('team/app', basic('alice'))).toBe(403);
    expect(await remove('team/app', basic('bob'))).toBe(202);
    expect(await remove('secret/app', basic('root'))).toBe(202);
  });

  it('lists what the caller may pull, and pages over that', async () => {
    await using site = await openWith(access);
    for (const repo of ['a', 'secret/b', 'c', 'secret/d', 'e']) await push(site, repo, basic('alice'));
    const list = async (query: string, headers = {}): Promise<{ names: string[]; link: string | null }> => {
      const answer = await site.ask('GET', `/v2/_catalog${query}`, { headers });
      return {
        names: answer.json<{ repositories: string[] }>().repositories,
        link: answer.headers.get('link'),
      };
    };
    expect((await list('')).names).toEqual(['a', 'c', 'e']);
    expect((await list('', basic('bob'))).names).toEqual(['a', 'c', 'e']);
    expect((await list('', basic('alice'))).names).toEqual(['a', 'c', 'e', 'secret/b', 'secret/d']);
    expect(await list('?n=2')).toEqual({ names: ['a', 'c'], link: '</v2/_catalog?n=2&last=c>; rel="next"' });
    expect(await list('?n=2&last=c')).toEqual({ names: ['e'], link: null });
  });

  it('takes Basic credentials with nothing in them for none', async () => {
    await using site = await openWith(access);
    await push(site, 'open/app', basic('alice'));
    const nothing = basic('', '');
    expect(await statusOf(site, 'GET', '/v2/', nothing)).toBe(401);
    expect(await statusOf(site, 'GET', '/v2/open/app/manifests/v1', nothing)).toBe(200);
    expect(await statusOf(site, 'POST', '/v2/open/app/blobs/uploads/', nothing)).toBe(401);
  });

  it('asks for credentials for the catalog where nothing is public', async () => {
    await using site = await openWith({ mode, users: USERS });
    expect(await statusOf(site, 'GET', '/v2/_catalog')).toBe(401);
    expect(await statusOf(site, 'GET', '/v2/_catalog', basic('bob'))).toBe(200);
  });

  it('lets known users do everything without rules, and others nothing', async () => {
    await using site = await openWith({ mode, users: USERS });
    await push(site, 'any', basic('bob'));
    expect(await statusOf(site, 'GET', '/v2/any/manifests/v1')).toBe(401);
    expect(await statusOf(site, 'GET', '/v2/any/manifests/v1', basic('alice'))).toBe(200);
    expect(await statusOf(site, 'DELETE', '/v2/any/manifests/v1', basic('alice'))).toBe(202);
  });

  it('refuses a malformed name before it asks who is there', async () => {
    await using site = await openWith(access);
    const answer = await site.ask('GET', '/v2/Bad%22name/tags/list');
    expect([answer.status, ...answer.codes()]).toEqual([400, 'NAME_INVALID']);
  });

  it('reads users from a file, and again when it changes', async () => {
    await using folder = await tempFolder();
    const htpasswd = folder.at('htpasswd');
    await addUser(htpasswd, 'alice', 'one', { cost: 4 });
    let time = Date.now();
    await using site = await openWith({ mode, htpasswd }, { now: () => time });
    expect(await statusOf(site, 'GET', '/v2/', basic('alice', 'one'))).toBe(200);
    await addUser(htpasswd, 'alice', 'two', { cost: 4 });
    time += 1000;
    expect(await statusOf(site, 'GET', '/v2/', basic('alice', 'one'))).toBe(401);
    expect(await statusOf(site, 'GET', '/v2/', basic('alice', 'two'))).toBe(200);
  });

  it('writes the user into the log, also of what was refused to him', async () => {
    const users: (string | undefined)[] = [];
    await using site = await openWith(access, { onRequest: (entry) => users.push(entry.user) });
    await site.ask('GET', '/v2/', { headers: basic('alice') });
    await site.ask('GET', '/v2/secret/app/tags/list', { headers: basic('bob') });
    await site.ask('GET', '/v2/', { headers: basic('bob', 'wrong') });
    await site.ask('GET', '/v2/');
    expect(users).toEqual(['alice', 'bob', undefined, undefined]);
  });

  it('keeps answers to blobs out of shared caches', async () => {
    await using site = await openWith(access);
    await push(site, 'open/app', basic('alice'));
    const answer = await site.ask('GET', `/v2/open/app/blobs/${blobOf('{}').digest}`);
    expect(answer.headers.get('cache-control')).toMatch(/^private/);
  });
});

describe('in bearer mode', () => {
  it('a token for the catalog lists what its user may pull', async () => {
    await using site = await openWith({ mode: 'bearer', users: USERS, rules: RULES });
    for (const repo of ['a', 'secret/b']) await push(site, repo, basic('alice'));
    const list = async (headers: Record<string, string>): Promise<unknown> =>
      (await site.ask('GET', '/v2/_catalog', { headers })).json();
    const scope = ['registry:catalog:*'];
    const alice = await getToken(site, scope, basic('alice'));
    expect(await list(bearer(alice.token))).toEqual({ repositories: ['a', 'secret/b'] });
    const anybody = await getToken(site, scope);
    expect(await list(bearer(anybody.token))).toEqual({ repositories: ['a'] });
    const other = await getToken(site, ['repository:a:pull'], basic('alice'));
    const refused = await site.ask('GET', '/v2/_catalog', { headers: bearer(other.token) });
    expect(refused.status).toBe(401);
    expect(challengeOf(refused)).toMatchObject({ scope: 'registry:catalog:*', error: 'insufficient_scope' });
  });
});

describe('options', () => {
  it.each<[string, unknown, RegExp]>([
    ['an unknown mode', { mode: 'ldap' }, /mode is ldap/],
    ['an unknown key', { mode: 'none', rule: [] }, /has rule, expected mode/],
    ['users without a mode', { mode: 'none', users: USERS }, /mode none has no use for users/],
    ['rules without a mode', { mode: 'none', rules: RULES }, /mode none has no use for rules/],
    ['no users', { mode: 'basic' }, /needs users/],
    ['two kinds of users', { mode: 'basic', users: USERS, htpasswd: 'f' }, /not both/],
    ['a file that is not there', { mode: 'basic', htpasswd: '/nonexistent/htpasswd' }, /cannot be read/],
    ['an empty password', { mode: 'basic', users: { alice: '' } }, /password of alice is empty/],
    ['a realm with quotes', { mode: 'basic', users: USERS, realm: 'a"b' }, /realm/],
    ['a short token', { mode: 'bearer', users: USERS, tokenTtl: 1000 }, /tokenTtl is 1000/],
    ['a token time for no tokens', { mode: 'basic', users: USERS, tokenTtl: 60_000 }, /for mode bearer/],
    ['a wrong rule', { mode: 'basic', users: USERS, rules: [{ repositories: '' }] }, /rules\[0\]/],
    ['an admin who is anybody', { mode: 'basic', users: USERS, admins: ['*'] }, /admins has \*/],
  ])('refuse %s', async (_, access, message) => {
    await expect(createRegistry({ access: access as AccessOptions })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(message) as string,
    });
  });

  it('leave the data folder to the next when users cannot be read', async () => {
    await using folder = await tempFolder();
    const storage = { kind: 'auto', folder: folder.at('data') } as const;
    const access: AccessOptions = { mode: 'basic', htpasswd: folder.at('none') };
    await expect(createRegistry({ storage, access })).rejects.toThrow(/cannot be read/);
    const registry = await createRegistry({ storage });
    await registry.close();
  });

  it('may be an access of one’s own', async () => {
    const registry = await createRegistry({ access: { ...OPEN_ACCESS, mayList: () => false, open: false } });
    const answer = await registry.fetch(new Request('http://registry.test/v2/_catalog'));
    expect(answer.status).toBe(401);
    await registry.close();
  });
});
