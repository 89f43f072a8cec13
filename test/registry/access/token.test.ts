import { describe, expect, it } from 'vitest';
import { addUser, removeUser } from '../../../registry/index.js';
import { tempFolder } from './temp.js';
import {
  USERS,
  basic,
  bearer,
  bearerSite,
  challengeOf,
  getToken,
  openWith,
  postToken,
  type TokenBody,
} from './site.js';

/** What a token may do, as its answer to a POST spells it. */
async function scopeFor(
  site: Awaited<ReturnType<typeof bearerSite>>,
  user: string,
  scope: string,
): Promise<string> {
  const password = USERS[user as keyof typeof USERS];
  const answer = await postToken(site, { grant_type: 'password', username: user, password, scope });
  return answer.json<TokenBody>().scope ?? 'none';
}

describe('a token by GET', () => {
  it('has the fields that clients look for', async () => {
    const time = Date.UTC(2030, 0, 2, 3, 4, 5);
    await using site = await bearerSite({ now: () => time });
    const body = await getToken(site, ['repository:a:pull'], basic('alice'));
    expect(body).toEqual({
      token: expect.stringMatching(/^[\w.-]+$/) as string,
      access_token: body.token,
      token_type: 'Bearer',
      expires_in: 300,
      issued_at: '2030-01-02T03:04:05.000Z',
    });
  });

  it('is not kept by caches', async () => {
    await using site = await bearerSite();
    const answer = await site.ask('GET', '/_ocilot/token');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  it('takes scopes repeated and between spaces', async () => {
    await using site = await bearerSite();
    const { token } = await getToken(site, ['repository:a:pull repository:b:pull', 'repository:c:pull']);
    for (const repo of ['a', 'b', 'c'])
      expect((await site.ask('GET', `/v2/${repo}/tags/list`, { headers: bearer(token) })).status).toBe(404);
    expect((await site.ask('GET', '/v2/d/tags/list', { headers: bearer(token) })).status).toBe(401);
  });

  it('is given to anybody, for what anybody may do', async () => {
    await using site = await bearerSite();
    const { token } = await getToken(site, ['repository:open/app:pull,push', 'repository:secret/app:pull']);
    const headers = bearer(token);
    expect((await site.ask('GET', '/v2/', { headers })).status).toBe(200);
    expect((await site.ask('GET', '/v2/open/app/tags/list', { headers })).status).toBe(404);
    const push = await site.ask('POST', '/v2/open/app/blobs/uploads/', { headers });
    expect(push.status).toBe(401);
    expect(challengeOf(push)).toMatchObject({
      scope: 'repository:open/app:pull,push',
      error: 'insufficient_scope',
    });
    expect((await site.ask('GET', '/v2/secret/app/tags/list', { headers })).status).toBe(401);
  });

  it('is given without any scope, for a login', async () => {
    await using site = await bearerSite();
    const { token } = await getToken(site, [], basic('bob'), { account: 'bob', client_id: 'docker' });
    expect((await site.ask('GET', '/v2/', { headers: bearer(token) })).status).toBe(200);
  });

  it('is not given for wrong credentials', async () => {
    await using site = await bearerSite();
    for (const headers of [
      basic('alice', 'wrong'),
      basic('mallory'),
      bearer('x'),
      { authorization: 'Basic' },
    ]) {
      const answer = await site.ask('GET', '/_ocilot/token', { headers });
      expect([answer.status, ...answer.codes()]).toEqual([401, 'UNAUTHORIZED']);
      expect(challengeOf(answer)).toEqual({ scheme: 'Basic', realm: 'ocilot' });
    }
  });

  it('comes with a refresh token for a known user who wants one', async () => {
    await using site = await bearerSite();
    const offline = { offline_token: 'true' };
    expect((await getToken(site, [], basic('alice'), offline)).refresh_token).toMatch(/^[\w.-]+$/);
    expect((await getToken(site, [], basic('alice'))).refresh_token).toBeUndefined();
    expect((await getToken(site, [], {}, offline)).refresh_token).toBeUndefined();
  });

  it('has a limit to its scopes, and fits into a header below it', async () => {
    await using site = await bearerSite();
    const scope = Array.from({ length: 220 }, (_, index) => `repository:${index}:*`).join(' ');
    const { token } = await getToken(site, [scope], basic('root'));
    expect(token.length).toBeLessThan(15 * 1024);
    const last = await site.ask('GET', '/v2/219/tags/list', { headers: bearer(token) });
    expect(last.status).toBe(404);
    const query = new URLSearchParams({ scope: 'x'.repeat(4097) }).toString();
    const answer = await site.ask('GET', `/_ocilot/token?${query}`);
    expect([answer.status, ...answer.codes()]).toEqual([400, 'SIZE_INVALID']);
  });
});

describe('a token by POST', () => {
  it('is given for a password, with what was granted', async () => {
    await using site = await bearerSite();
    const answer = await postToken(site, {
      grant_type: 'password',
      username: 'bob',
      password: USERS.bob,
      service: 'registry.test',
      client_id: 'docker',
      access_type: 'offline',
      scope: 'repository:team/app:pull,push repository:open/app:pull,push repository:secret/app:pull',
    });
    const body = answer.json<TokenBody>();
    expect(answer.status).toBe(200);
    expect(body.scope).toBe('repository:team/app:pull,push repository:open/app:pull');
    expect(body.access_token).toBe(body.token);
    expect(body.refresh_token).toBeDefined();
  });

  it('is given for a refresh token', async () => {
    await using site = await bearerSite();
    const { refresh_token: refresh = '' } = await getToken(site, [], basic('bob'), { offline_token: 'true' });
    const answer = await postToken(site, {
      grant_type: 'refresh_token',
      refresh_token: refresh,
      scope: 'repository:team/app:pull,push',
    });
    const { token, scope, refresh_token: again } = answer.json<TokenBody>();
    expect(scope).toBe('repository:team/app:pull,push');
    expect(again).toBeUndefined();
    const started = await site.ask('POST', '/v2/team/app/blobs/uploads/', { headers: bearer(token) });
    expect(started.status).toBe(202);
  });

  it('grants what is asked for and allowed, and no more', async () => {
    await using site = await bearerSite();
    expect(await scopeFor(site, 'alice', 'repository:open/app:*')).toBe(
      'repository:open/app:pull,push,delete',
    );
    expect(await scopeFor(site, 'bob', 'repository:open/app:*')).toBe('repository:open/app:pull');
    expect(await scopeFor(site, 'root', 'repository:secret/app:*')).toBe(
      'repository:secret/app:pull,push,delete,*',
    );
    expect(await scopeFor(site, 'bob', 'repository:secret/app:pull')).toBe('');
    expect(await scopeFor(site, 'bob', 'repository(plugin):team/app:push')).toBe('repository:team/app:push');
    expect(await scopeFor(site, 'bob', 'nonsense registry:catalog:*')).toBe('registry:catalog:*');
  });

  it.each<[string, Record<string, string>, number]>([
    ['a wrong password', { grant_type: 'password', username: 'alice', password: 'wrong' }, 401],
    ['an unknown user', { grant_type: 'password', username: 'mallory', password: 'wonderland' }, 401],
    ['no user', { grant_type: 'password' }, 401],
    ['a refresh token of somebody else', { grant_type: 'refresh_token', refresh_token: 'x.y' }, 401],
    ['no refresh token', { grant_type: 'refresh_token' }, 401],
    ['another grant type', { grant_type: 'authorization_code' }, 405],
    ['no grant type', {}, 405],
    ['a form without end', { grant_type: 'x'.repeat(20_000) }, 413],
  ])('is not given for %s', async (_, form, status) => {
    await using site = await bearerSite();
    expect((await postToken(site, form)).status).toBe(status);
  });

  it('is not given for an access token in place of a refresh token', async () => {
    await using site = await bearerSite();
    const { token } = await getToken(site, [], basic('alice'));
    const form = { grant_type: 'refresh_token', refresh_token: token };
    expect((await postToken(site, form)).status).toBe(401);
  });
});

it('other methods are not for the token endpoint', async () => {
  await using site = await bearerSite();
  const answer = await site.ask('DELETE', '/_ocilot/token');
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
});

describe('a token ends', () => {
  it('when its time is over', async () => {
    let time = 1_000_000;
    await using site = await openWith(
      { mode: 'bearer', users: USERS, tokenTtl: 90_500 },
      { now: () => time },
    );
    const { token, expires_in: seconds } = await getToken(site, ['repository:a:pull'], basic('alice'));
    expect(seconds).toBe(90);
    const ask = (): ReturnType<typeof site.ask> =>
      site.ask('GET', '/v2/a/tags/list', { headers: bearer(token) });
    time += 90_499;
    expect((await ask()).status).toBe(404);
    time += 1;
    const late = await ask();
    expect([late.status, ...late.codes()]).toEqual([401, 'UNAUTHORIZED']);
    expect(challengeOf(late)).toMatchObject({ scope: 'repository:a:pull', error: 'invalid_token' });
  });

  it('with the password it was had for, and with the user', async () => {
    await using folder = await tempFolder();
    const htpasswd = folder.at('htpasswd');
    await addUser(htpasswd, 'alice', 'one', { cost: 4 });
    await addUser(htpasswd, 'bob', 'one', { cost: 4 });
    let time = Date.now();
    await using site = await openWith({ mode: 'bearer', htpasswd }, { now: () => time });
    const offline = { offline_token: 'true' };
    const issued = [
      await getToken(site, [], basic('alice', 'one'), offline),
      await getToken(site, [], basic('bob', 'one'), offline),
    ];
    const check = async (): Promise<number[][]> =>
      await Promise.all(
        issued.map(async ({ token, refresh_token: refresh = '' }) => [
          (await site.ask('GET', '/v2/', { headers: bearer(token) })).status,
          (await postToken(site, { grant_type: 'refresh_token', refresh_token: refresh })).status,
        ]),
      );
    expect(await check()).toEqual([
      [200, 200],
      [200, 200],
    ]);
    await addUser(htpasswd, 'alice', 'two', { cost: 4 });
    await removeUser(htpasswd, 'bob');
    time += 1000;
    expect(await check()).toEqual([
      [401, 401],
      [401, 401],
    ]);
  });

  it('but not when the registry starts again', async () => {
    await using folder = await tempFolder();
    const access = { mode: 'bearer', users: USERS } as const;
    const storage = { kind: 'auto', folder: folder.at('data') } as const;
    const { token } = await (async () => {
      await using site = await openWith(access, { storage });
      return await getToken(site, [], basic('alice'));
    })();
    await using site = await openWith(access, { storage });
    expect((await site.ask('GET', '/v2/', { headers: bearer(token) })).status).toBe(200);
  });
});

it('a token never administers', async () => {
  await using site = await bearerSite();
  const { access } = site.registry.options;
  const principal = async (headers: Record<string, string>): ReturnType<typeof access.authenticate> =>
    await access.authenticate(new Request('http://registry.test/', { headers }));
  const { token } = await getToken(site, ['repository:a:*', 'registry:catalog:*'], basic('root'));
  expect(access.administers(await principal(bearer(token)))).toBe(false);
  expect(access.administers(await principal(basic('root')))).toBe(true);
  expect(access.administers(await principal(basic('alice')))).toBe(false);
  expect(access.challenge('http://registry.test', { kind: 'admin' })).toBe('Basic realm="ocilot"');
});
