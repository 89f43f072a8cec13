import { describe, expect, it } from 'vitest';
import { redirect } from '../../client/layers/redirect.js';
import type { TransportRequest } from '../../client/transport.js';
import { bodyOf, fake, get } from './fakes.js';

const HERE = 'https://registry.example/v2/a/blobs/x';

/** Follows the given locations, one after another. */
async function run(
  locations: readonly string[],
  request: TransportRequest = get(HERE),
  status = 307,
): Promise<{ status: number; url: string; sent: TransportRequest[]; discarded: boolean[] }> {
  const { transport, sent, answers } = fake((_, n) => {
    const location = locations[n - 1];
    return location === undefined ? {} : { status, headers: { location } };
  });
  const response = await redirect()(transport)(request);
  return { status: response.status, url: response.url, sent, discarded: answers.map((one) => one.discarded) };
}

const denied = expect.objectContaining({ code: 'DENIED' });

describe('redirect', () => {
  it('follows a chain and tells where it ended', async () => {
    const { status, url, discarded } = await run(['/elsewhere?x=1', 'https://cdn.example/blob']);
    expect([status, url]).toEqual([200, 'https://cdn.example/blob']);
    expect(discarded).toEqual([true, true, false]);
  });

  it('takes no credentials to another origin, nor back again', async () => {
    const headers = { authorization: 'Basic eA==', cookie: 'a=b', accept: 'x' };
    const { sent } = await run(
      ['/same', 'https://cdn.example/', 'https://registry.example/again'],
      get(HERE, { headers }),
    );
    expect(sent.map((request) => request.headers)).toEqual([
      headers,
      headers,
      { accept: 'x' },
      { accept: 'x' },
    ]);
  });

  it('counts another port as another origin', async () => {
    const { sent } = await run(
      ['https://registry.example:8443/'],
      get(HERE, { headers: { authorization: 'Basic eA==' } }),
    );
    expect(sent[1]?.headers).toEqual({});
  });

  it('forgets where the request was meant for', async () => {
    const context = { registry: 'registry.example', scopes: ['s'], retry: false };
    const { sent } = await run(['https://cdn.example/'], get(HERE, { context }));
    expect(sent.map((request) => request.context)).toEqual([context, { scopes: ['s'], retry: false }]);
  });

  it('follows ten redirects and no more', async () => {
    const steps = (count: number): string[] => Array.from({ length: count }, (_, at) => `/${at}`);
    expect(await run(steps(10))).toMatchObject({ status: 200 });
    await expect(run(steps(11))).rejects.toThrow(denied);
  });

  it.each([
    ['plain HTTP', 'http://registry.example/'],
    ['another protocol', 'ftp://cdn.example/'],
    ['a URL with credentials', 'https://me:secret@cdn.example/'],
    ['no URL', 'https://'],
    ['loopback', 'https://127.0.0.1/'],
    ['loopback in disguise', 'https://0x7f.1/'],
    ['loopback by name', 'https://localhost:5000/'],
    ['a private address', 'https://10.1.2.3/'],
    ['another private address', 'https://192.168.1.1/'],
    ['a link-local address', 'https://169.254.169.254/latest/meta-data'],
    ['an IPv6 loopback', 'https://[::1]/'],
    ['an IPv6 link-local address', 'https://[fe80::1]/'],
    ['an IPv6 private address', 'https://[fd00::1]/'],
    ['an IPv4 address in IPv6', 'https://[::ffff:127.0.0.1]/'],
    ['nowhere', 'https://0.0.0.0/'],
  ])('does not follow to %s', async (_, location) => {
    await expect(run([location])).rejects.toThrow(denied);
  });

  it('shows no secret of where it did not go', async () => {
    await expect(run(['https://me:secret@cdn.example/?sig=hush'])).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/secret|hush/) as string }),
    );
  });

  it.each(['http://127.0.0.1:5000/v2/', 'http://10.0.0.1/v2/', 'http://localhost:5000/v2/'])(
    'lets %s lead to internal addresses: it is one itself',
    async (url) => {
      expect(await run(['http://192.168.1.1:9000/blob'], get(url))).toMatchObject({ status: 200 });
    },
  );

  it.each([301, 302, 303])('follows %i for reads only', async (status) => {
    expect(await run(['/there'], get(HERE), status)).toMatchObject({ status: 200 });
    expect(await run(['/there'], { ...get(HERE), method: 'PUT' }, status)).toMatchObject({ status });
  });

  it.each([307, 308])('keeps method and body at %i', async (status) => {
    const body = bodyOf('x');
    const { sent } = await run(['/there'], { ...get(HERE), method: 'PUT', body }, status);
    expect(sent.map((request) => [request.method, request.body])).toEqual([
      ['PUT', body],
      ['PUT', body],
    ]);
  });

  it('gives a redirect back when told so, or when it leads nowhere', async () => {
    expect(await run(['/there'], get(HERE, { context: { redirect: false } }))).toMatchObject({ status: 307 });
    const { transport } = fake(() => ({ status: 307 }));
    expect((await redirect()(transport)(get(HERE))).status).toBe(307);
  });
});
