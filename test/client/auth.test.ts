import { describe, expect, it } from 'vitest';
import { auth } from '../../client/layers/auth.js';
import { staticKeychain, type Credentials } from '../../client/credentials/keychain.js';
import { startRegistry, type StartOptions, type TestRegistry } from '../../testing/index.js';
import { fake, get, textOf, type FakeAnswer } from './fakes.js';
import { ALICE, USERS, ask, clientOf, counting } from './site.js';

const TAGS = '/v2/team/app/tags/list';
const PULL = ['repository:team/app:pull'];
const keychain = staticKeychain(ALICE);

const start = (mode: 'basic' | 'bearer', options: StartOptions = {}): Promise<TestRegistry> =>
  startRegistry({
    socket: false,
    access: { mode, users: USERS, rules: [{ repositories: 'open/**', pull: ['*'] }], admins: ['alice'] },
    seed: { 'team/app': { v1: { files: {} } }, 'open/app': { v1: { files: {} } } },
    ...options,
  });

describe('auth with Basic', () => {
  it('sends credentials once asked, and from then on at once', async () => {
    await using registry = await start('basic');
    const { transport } = clientOf(registry, { keychain });
    expect((await transport(ask(registry, TAGS))).status).toBe(200);
    expect((await transport(ask(registry, TAGS))).status).toBe(200);
    expect([...registry.requests].map(({ status }) => status)).toEqual([401, 200, 200]);
  });

  it('gives the refusal back when credentials are wrong or missing', async () => {
    await using registry = await start('basic');
    const wrong = staticKeychain({ kind: 'password', username: 'alice', password: 'nonsense' });
    expect((await clientOf(registry, { keychain: wrong }).transport(ask(registry, TAGS))).status).toBe(401);
    expect(registry.requests.count()).toBe(2);
    registry.requests.clear();
    expect((await clientOf(registry).transport(ask(registry, TAGS))).status).toBe(401);
    expect(registry.requests.count()).toBe(1);
  });

  it('searches for credentials once, however many ask at once', async () => {
    await using registry = await start('basic');
    const chain = counting();
    const { transport } = clientOf(registry, { keychain: chain });
    await Promise.all(Array.from({ length: 5 }, () => transport(ask(registry, TAGS))));
    expect(chain.asked).toBe(1);
  });
});

describe('auth with Bearer', () => {
  it('buys a token, keeps it, and asks for it once however many want it', async () => {
    await using registry = await start('bearer');
    const { transport } = clientOf(registry, { keychain });
    const statuses = await Promise.all(
      Array.from({ length: 5 }, async () => (await transport(ask(registry, TAGS, { scopes: PULL }))).status),
    );
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect(registry.requests.count({ operation: 'token' })).toBe(1);
    await transport(ask(registry, TAGS, { scopes: PULL }));
    expect(registry.requests.count({ operation: 'token' })).toBe(1);
  });

  it('gets on without credentials where that is allowed', async () => {
    await using registry = await start('bearer');
    const { transport } = clientOf(registry);
    expect((await transport(ask(registry, '/v2/open/app/tags/list'))).status).toBe(200);
    expect((await transport(ask(registry, TAGS, { scopes: PULL }))).status).toBe(401);
    const tokens = registry.requests.filter({ operation: 'token' });
    expect(tokens.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('widens what it asks for when that was too little, and remembers', async () => {
    await using registry = await start('bearer');
    const { transport } = clientOf(registry, { keychain });
    await transport(ask(registry, TAGS, { scopes: PULL }));
    const push = ask(registry, '/v2/team/app/blobs/uploads/', { method: 'POST', scopes: PULL });
    expect((await transport(push)).status).toBe(202);
    expect((await transport(push)).status).toBe(202);
    const scopes = registry.requests
      .filter({ operation: 'token' })
      .map(({ query }) => new URLSearchParams(query).getAll('scope'));
    expect(scopes).toEqual([['repository:team/app:pull'], ['repository:team/app:pull,push']]);
    expect(registry.requests.count({ operation: 'upload.start', status: 401 })).toBe(1);
  });

  it('asks anew before a token ends', async () => {
    let time = Date.parse('2026-01-01T00:00:00Z');
    const now = (): number => time;
    await using registry = await start('bearer', { now });
    const { transport } = clientOf(registry, { keychain, now });
    const request = ask(registry, TAGS, { scopes: PULL });
    await transport(request);
    time += 269_000;
    await transport(request);
    expect(registry.requests.count({ operation: 'token' })).toBe(1);
    time += 2000;
    expect((await transport(request)).status).toBe(200);
    expect(registry.requests.count({ operation: 'token' })).toBe(2);
    expect(registry.requests.count({ status: 401 })).toBe(1);
  });

  it('retries the token endpoint', async () => {
    await using registry = await start('bearer', {
      faults: [{ match: { operation: 'token' }, times: 2, fault: { kind: 'status', status: 503 } }],
    });
    const { transport } = clientOf(registry, { keychain });
    expect((await transport(ask(registry, TAGS, { scopes: PULL }))).status).toBe(200);
    expect(registry.requests.count({ operation: 'token' })).toBe(3);
  });

  it('says whose credentials a token endpoint refused, without them', async () => {
    await using registry = await start('bearer');
    const wrong = staticKeychain({ kind: 'password', username: 'alice', password: 'nonsense' });
    const sent = clientOf(registry, { keychain: wrong }).transport(ask(registry, TAGS, { scopes: PULL }));
    const error = await sent.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', detail: { status: 401 } });
    expect(String(error)).toMatch(/user alice/);
    expect(JSON.stringify(error) + String(error)).not.toContain('nonsense');
  });

  it('trades an identity token by POST', async () => {
    await using registry = await start('bearer');
    const answer = await registry.fetch('/_ocilot/token?offline_token=true', {
      headers: { authorization: `Basic ${Buffer.from('alice:wonderland').toString('base64')}` },
    });
    const { refresh_token: token } = (await answer.json()) as { refresh_token: string };
    registry.requests.clear();
    const { transport } = clientOf(registry, { keychain: staticKeychain({ kind: 'identity', token }) });
    expect((await transport(ask(registry, TAGS, { scopes: PULL }))).status).toBe(200);
    expect(registry.requests.filter({ operation: 'token' }).map(({ method }) => method)).toEqual(['POST']);
  });

  it('lets one leave the search for a token, and the others have it', async () => {
    await using registry = await start('bearer', {
      faults: [{ match: { operation: 'token' }, times: 1, fault: { kind: 'stall' } }],
    });
    const { transport } = clientOf(registry, { keychain });
    const abort = new AbortController();
    const reason = new Error('enough');
    const first = transport(ask(registry, TAGS, { scopes: PULL, signal: abort.signal }));
    const second = transport(ask(registry, TAGS, { scopes: PULL }));
    await registry.requests.waitFor({ operation: 'token' });
    abort.abort(reason);
    await expect(first).rejects.toBe(reason);
    registry.faults.release();
    expect((await second).status).toBe(200);
    expect(registry.requests.count({ operation: 'token' })).toBe(1);
  });
});

/** A registry and its token endpoint in a few lines. */
function bearer(
  token: (n: number) => FakeAnswer,
  { realm = 'https://auth.example/token', accepts = 'good' } = {},
): ReturnType<typeof fake> {
  let n = 0;
  return fake(({ url, headers }) => {
    if (url.startsWith(realm)) return token(++n);
    return headers.authorization === `Bearer ${accepts}`
      ? { body: 'content' }
      : { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` } };
  });
}

const REGISTRY = 'https://registry.example/v2/';
const meant = (url = REGISTRY): Parameters<typeof get>[1] => ({ context: { registry: new URL(url).host } });
const identity: Credentials = { kind: 'identity', token: 'refresh' };

describe('auth', () => {
  it.each([404, 405])('falls back to GET where a POST is answered with %i', async (status) => {
    const { transport, sent } = bearer((n) => (n === 1 ? { status } : { body: '{"token":"good"}' }));
    const response = await auth({ keychain: staticKeychain(identity) })(transport)(get(REGISTRY, meant()));
    expect(await textOf(response)).toBe('content');
    expect(sent.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET', 'GET']);
    expect(sent[1]?.context).toMatchObject({ redirect: false, aside: true });
  });

  it('goes on with the refresh token that took the place of the last', async () => {
    let time = 0;
    const forms: string[] = [];
    const { transport } = fake(({ url, headers, body }) => {
      if (url !== 'https://auth.example/token')
        return headers.authorization === undefined
          ? { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.example/token"' } }
          : {};
      void (async () => {
        for await (const chunk of body?.open() ?? []) forms.push(Buffer.from(chunk).toString());
      })();
      return { body: '{"access_token":"good","refresh_token":"next","expires_in":60}' };
    });
    const send = auth({ keychain: staticKeychain(identity), now: () => time })(transport);
    await send(get(REGISTRY, meant()));
    time += 60_000;
    await send(get(REGISTRY, meant()));
    expect(forms.map((form) => new URLSearchParams(form).get('refresh_token'))).toEqual(['refresh', 'next']);
  });

  it('sends a registry token as it is', async () => {
    const { transport, sent } = bearer(() => ({ status: 500 }));
    const token = staticKeychain({ kind: 'token', token: 'good' });
    expect((await auth({ keychain: token })(transport)(get(REGISTRY, meant()))).status).toBe(200);
    expect(sent).toHaveLength(2);
  });

  it('gives up when new tokens do not help', async () => {
    const { transport, sent } = bearer((n) => ({ body: `{"token":"t${n}"}` }));
    expect((await auth({ keychain })(transport)(get(REGISTRY, meant()))).status).toBe(401);
    expect(sent).toHaveLength(3);
  });

  it.each([
    ['plain HTTP', REGISTRY, 'http://auth.example/token'],
    ['an internal address', REGISTRY, 'https://169.254.169.254/token'],
    ['loopback', REGISTRY, 'https://localhost/token'],
    ['credentials in it', REGISTRY, 'https://me:secret@auth.example/token'],
    ['no URL', REGISTRY, '/token'],
    [
      'plain HTTP to another host, with credentials',
      'http://127.0.0.1:5000/v2/',
      'http://auth.example/token',
    ],
  ])('takes no credentials to a realm that is %s', async (_, url, realm) => {
    const { transport, sent } = bearer(() => ({}), { realm });
    await expect(auth({ keychain })(transport)(get(url, meant(url)))).rejects.toThrow(
      expect.objectContaining({ code: 'DENIED' }),
    );
    expect(sent).toHaveLength(1);
  });

  it('answers no challenge of a host that it was led to, nor for a request that is meant for nobody', async () => {
    const chain = counting();
    const led = fake(() => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }));
    const elsewhere: typeof led.transport = async (request) => {
      const response = await led.transport(request);
      return {
        ...response,
        status: 401,
        url: 'https://cdn.example/',
        header: (name) => response.header(name),
      };
    };
    expect((await auth({ keychain: chain })(elsewhere)(get(REGISTRY, meant()))).status).toBe(401);
    expect((await auth({ keychain: chain })(led.transport)(get(REGISTRY))).status).toBe(401);
    const other = get('https://other.example/', meant());
    expect((await auth({ keychain: chain })(led.transport)(other)).status).toBe(401);
    expect(chain.asked).toBe(0);
  });

  it('sends no credentials over plain HTTP, but to loopback or where it is allowed', async () => {
    const url = 'http://registry.example/v2/';
    const basic = (): ReturnType<typeof fake> =>
      fake(({ headers }) =>
        headers.authorization === undefined ? { status: 401, headers: { 'www-authenticate': 'Basic' } } : {},
      );
    await expect(auth({ keychain })(basic().transport)(get(url, meant(url)))).rejects.toThrow('plain HTTP');
    const allowed = auth({ keychain, plainCredentials: (host) => host === 'registry.example' });
    expect((await allowed(basic().transport)(get(url, meant(url)))).status).toBe(200);
    const local = 'http://127.0.0.1:5000/v2/';
    expect((await auth({ keychain })(basic().transport)(get(local, meant(local)))).status).toBe(200);
  });

  it.each(['not json', '{}', '[]', '{"token":""}', '{"token":"two\\r\\nlines"}'])(
    'refuses %s for a token',
    async (body) => {
      const { transport } = bearer(() => ({ body }));
      await expect(auth()(transport)(get(REGISTRY, meant()))).rejects.toThrow(
        expect.objectContaining({ code: 'UNKNOWN' }),
      );
    },
  );
});
