import { describe, expect, it } from 'vitest';
import { checkRealm } from '../../client/auth/realm.js';
import { RemoteRepository, createClient, remoteSink } from '../../client/index.js';
import { fake } from './fakes.js';
import { AT_ONCE, blobIn, listOf } from './site.js';

/** What a registry with one answer for everything is asked. */
async function put(registry: string, location: string, from = 'https:'): Promise<string[]> {
  const { transport, sent } = fake((request) => {
    if (request.method === 'HEAD') return { status: 404 };
    return request.method === 'POST' ? { status: 202, headers: { location } } : { status: 201 };
  });
  const plain = from === 'http:' ? { plainHttp: true } : {};
  await using client = createClient({ driver: transport, retry: AT_ONCE, ...plain });
  const repository = new RemoteRepository(client.transport, { registry, repository: 'team/app' });
  const failure = await remoteSink(repository)
    .putBlob(blobIn(Buffer.from('content')))
    .catch((error: unknown) => error);
  return failure === 'sent' ? [sent.at(-1)?.url ?? ''] : [String(failure)];
}

describe('where an upload goes on', () => {
  it.each([
    [
      'registry.example',
      '/v2/up?_state=a%2Fb',
      /^https:\/\/registry\.example\/v2\/up\?_state=a%2Fb&digest=sha256%3A/,
    ],
    ['registry.example', 'http://registry.example/v2/up', /^https:\/\/registry\.example\/v2\/up\?digest=/],
    ['registry.example', 'https://storage.example/up', /^https:\/\/storage\.example\/up\?digest=/],
    ['127.0.0.1:5000', 'http://10.0.0.1/up', /^http:\/\/10\.0\.0\.1\/up/],
    ['registry.example', 'https://127.0.0.1/up', /an internal address/],
    ['registry.example', 'https://169.254.169.254/up', /an internal address/],
    ['registry.example', 'https://[fd00::1]/up', /an internal address/],
    ['registry.example', 'http://storage.example/up', /it is not HTTPS/],
    ['registry.example', 'file:///etc/passwd', /it is not HTTPS/],
    ['registry.example', 'http://[', /no URL/],
  ])('%s to %s: %s', async (registry, location, outcome) => {
    expect((await put(registry, location))[0]).toMatch(outcome);
  });
});

describe('where a list goes on', () => {
  it.each([
    'https://other.example/v2/team/app/tags/list',
    'http://127.0.0.1/v2/',
    'ftp://registry.example/x',
  ])('is not %s', async (target) => {
    const { transport, sent } = fake(() => ({
      body: '{"tags":["a"]}',
      headers: { link: `<${target}>; rel="next"` },
    }));
    await using client = createClient({ driver: transport });
    const place = { registry: 'registry.example', repository: 'team/app' };
    const repository = new RemoteRepository(client.transport, place);
    await expect(listOf(repository.tags())).rejects.toThrow(expect.objectContaining({ code: 'DENIED' }));
    expect(sent).toHaveLength(1);
  });
});

describe('where tokens are had', () => {
  it.each([
    ['https://auth.example/token', 'https://registry.example/v2/', undefined],
    ['http://auth.example/token', 'http://registry.example/v2/', undefined],
    ['http://127.0.0.1:5001/token', 'https://127.0.0.1:5000/v2/', undefined],
    ['http://auth.example/token', 'https://registry.example/v2/', /is not HTTPS/],
    ['https://10.1.2.3/token', 'https://registry.example/v2/', /an internal address/],
    ['https://me:pw@auth.example/token', 'https://registry.example/v2/', /credentials in it/],
    ['/token', 'https://registry.example/v2/', /no URL/],
  ])('%s for %s: %s', (realm, from, problem) => {
    const check = (): string => checkRealm(realm, from).href;
    if (problem === undefined) expect(check()).toBe(realm);
    else expect(check).toThrow(problem);
  });
});
