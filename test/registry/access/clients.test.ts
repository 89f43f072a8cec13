import { describe, expect, it } from 'vitest';
import { blobOf, imageOf, pushBlob, type Answer, type Ask, type Site } from '../helpers.js';
import { basic, bearer, bearerSite, challengeOf, type TokenBody } from './site.js';

/**
 * A client as Docker, containerd and containers/image are: it asks without a token first, gets one for what the challenge
 * says, by its credentials or without, and asks again.
 */
class Client {
  readonly #site: Site;
  readonly #credentials: Record<string, string>;
  readonly #tokens = new Map<string, string>();
  /** Scopes it asked tokens for. */
  readonly asked: string[] = [];

  constructor(site: Site, credentials: Record<string, string> = {}) {
    this.#site = site;
    this.#credentials = credentials;
  }

  async ping(): Promise<void> {
    const answer = await this.#site.ask('GET', '/v2/');
    expect(answer.status).toBe(401);
    expect(challengeOf(answer).scheme).toBe('Bearer');
  }

  async ask(method: string, path: string, scope: string, init: Ask = {}): Promise<Answer> {
    const token = this.#tokens.get(scope) ?? (await this.#get(scope));
    const send = async (given: string): Promise<Answer> =>
      await this.#site.ask(method, path, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), ...bearer(given) },
      });
    return await send(token);
  }

  async #get(scope: string): Promise<string> {
    this.asked.push(scope);
    const query = new URLSearchParams({ service: 'registry.test', scope });
    const answer = await this.#site.ask('GET', `/_ocilot/token?${query.toString()}`, {
      headers: this.#credentials,
    });
    expect(answer.status).toBe(200);
    const { token } = answer.json<TokenBody>();
    this.#tokens.set(scope, token);
    return token;
  }
}

const image = imageOf();

/** Ping, HEAD and POST and PATCH and PUT of a blob, PUT of a manifest; returns the last status. */
async function push(client: Client, repo: string): Promise<number> {
  const scope = `repository:${repo}:pull,push`;
  await client.ping();
  const config = blobOf('{}');
  expect((await client.ask('HEAD', `/v2/${repo}/blobs/${config.digest}`, scope)).status).toBe(404);
  const started = await client.ask('POST', `/v2/${repo}/blobs/uploads/`, scope);
  if (started.status !== 202) return started.status;
  const location = started.headers.get('location') ?? '';
  const patched = await client.ask('PATCH', location, scope, { body: config.bytes });
  expect(patched.status).toBe(202);
  const closed = await client.ask(
    'PUT',
    `${patched.headers.get('location') ?? ''}?digest=${config.digest}`,
    scope,
  );
  expect(closed.status).toBe(201);
  const put = await client.ask('PUT', `/v2/${repo}/manifests/v1`, scope, {
    headers: { 'content-type': image.mediaType },
    body: image.bytes,
  });
  return put.status;
}

describe('a client with tokens', () => {
  it('pushes with credentials and pulls without', async () => {
    await using site = await bearerSite();
    const pusher = new Client(site, basic('alice'));
    expect(await push(pusher, 'open/app')).toBe(201);
    expect(pusher.asked).toEqual(['repository:open/app:pull,push']);
    const puller = new Client(site);
    await puller.ping();
    const pulled = await puller.ask('GET', '/v2/open/app/manifests/v1', 'repository:open/app:pull');
    expect(pulled.status).toBe(200);
    expect(pulled.headers.get('docker-content-digest')).toBe(image.digest);
  });

  it('does not push without credentials, and is told to log in', async () => {
    await using site = await bearerSite();
    expect(await push(new Client(site), 'open/app')).toBe(401);
  });

  it('does not push where its user may only pull, and is told no', async () => {
    await using site = await bearerSite();
    expect(await push(new Client(site, basic('bob')), 'open/app')).toBe(403);
  });

  it('gets from each challenge the scope that it needs', async () => {
    await using site = await bearerSite();
    const scopeOf = async (method: string, path: string): Promise<string | undefined> =>
      challengeOf(await site.ask(method, path)).scope;
    const digest = blobOf('{}').digest;
    expect(await scopeOf('GET', '/v2/team/app/manifests/v1')).toBe('repository:team/app:pull');
    expect(await scopeOf('HEAD', `/v2/team/app/blobs/${digest}`)).toBe('repository:team/app:pull');
    expect(await scopeOf('POST', '/v2/team/app/blobs/uploads/')).toBe('repository:team/app:pull,push');
    expect(await scopeOf('PUT', '/v2/team/app/manifests/v1')).toBe('repository:team/app:pull,push');
    expect(await scopeOf('DELETE', '/v2/team/app/manifests/v1')).toBe('repository:team/app:delete');
    expect(await scopeOf('POST', `/v2/team/app/blobs/uploads/?mount=${digest}&from=open/app`)).toBe(
      'repository:team/app:pull,push repository:open/app:pull',
    );
    expect(await scopeOf('POST', `/v2/team/app/blobs/uploads/?mount=${digest}&from=a%22b`)).toBe(
      'repository:team/app:pull,push',
    );
  });
});

describe('a mount', () => {
  const target = (digest: string, from: string): string =>
    `/v2/team/new/blobs/uploads/?mount=${digest}&from=${from}`;

  it('needs a token for both repositories', async () => {
    await using site = await bearerSite();
    const ask: Site['ask'] = (method, path, init) =>
      site.ask(method, path, { ...init, headers: basic('alice') });
    const { digest } = await pushBlob({ ...site, ask }, 'secret/app', 'layer');
    const alice = new Client(site, basic('alice'));
    const both = 'repository:team/new:pull,push repository:secret/app:pull';
    expect((await alice.ask('POST', target(digest, 'secret/app'), both)).status).toBe(201);
    const narrow = 'repository:team/new:pull,push';
    const other = target(digest, 'secret/app').replace('team/new', 'team/new');
    expect((await alice.ask('POST', other, narrow)).status).toBe(202);
  });

  it('from a repository that the caller may not read is as from one that is not there', async () => {
    await using site = await bearerSite();
    const ask: Site['ask'] = (method, path, init) =>
      site.ask(method, path, { ...init, headers: basic('alice') });
    const { digest } = await pushBlob({ ...site, ask }, 'secret/app', 'layer');
    const bob = { headers: basic('bob') };
    expect((await site.ask('POST', target(digest, 'secret/app'), bob)).status).toBe(202);
    expect((await site.ask('POST', target(digest, 'secret/none'), bob)).status).toBe(202);
    const anywhere = `/v2/team/new/blobs/uploads/?mount=${digest}`;
    expect((await site.ask('POST', anywhere, bob)).status).toBe(202);
    expect((await site.ask('GET', `/v2/team/new/blobs/${digest}`, bob)).status).toBe(404);
    await pushBlob({ ...site, ask }, 'open/app', 'layer');
    expect((await site.ask('POST', anywhere, bob)).status).toBe(201);
  });
});
