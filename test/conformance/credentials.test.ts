import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../conformance/challenge.js';
import { pieces } from '../../conformance/content.js';
import { fetchWire } from '../../conformance/fetch-wire.js';

const credentials = { username: 'robot', password: 'pä:ss' };
const BASIC = `Basic ${Buffer.from('robot:pä:ss').toString('base64')}`;

describe('parseChallenges', () => {
  it('reads quoted and bare values, escapes and commas in them', () => {
    const value = 'Bearer realm="https://a.example/t?x=1,2",service=reg,scope="repository:a/b:pull,push"';
    expect(parseChallenges(value)).toEqual([
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://a.example/t?x=1,2',
          service: 'reg',
          scope: 'repository:a/b:pull,push',
        },
      },
    ]);
    expect(parseChallenges('BASIC Realm="a \\"b\\""')).toEqual([
      { scheme: 'basic', parameters: { realm: 'a "b"' } },
    ]);
  });

  it('reads several challenges of one header', () => {
    const challenges = parseChallenges('Negotiate, Basic realm="a", charset="UTF-8", Bearer realm="b"');
    expect(challenges).toEqual([
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'a', charset: 'UTF-8' } },
      { scheme: 'bearer', parameters: { realm: 'b' } },
    ]);
  });

  it('passes over what is none', () => {
    expect(parseChallenges('')).toEqual([]);
    expect(parseChallenges('"=,;')).toEqual([]);
  });
});

function refusal(challenge: string): Response {
  return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } });
}

describe('withCredentials', () => {
  it('answers a Basic challenge once, and sends the body again', async () => {
    const log: string[] = [];
    const wire = fetchWire(
      async (request) => {
        const authorization = request.headers.get('authorization');
        log.push(`${authorization === null ? 'without' : 'with'} ${await request.text()}`);
        return authorization === BASIC ? new Response('ok') : refusal('Basic realm="registry"');
      },
      { credentials },
    );
    const body = pieces(Buffer.from('body'), 2);
    expect((await wire({ method: 'PUT', path: '/v2/a/manifests/b', body })).status).toBe(200);
    expect((await wire({ method: 'PUT', path: '/v2/c/manifests/d', body })).status).toBe(200);
    expect(log).toEqual(['without body', 'with body', 'with body']);
  });

  it('fetches Bearer tokens for each repository and adds scopes as they are asked for', async () => {
    const asked: string[] = [];
    const wire = fetchWire(
      (request) => {
        const url = new URL(request.url);
        if (url.pathname === '/token') {
          asked.push(url.searchParams.getAll('scope').join(' '));
          expect(request.headers.get('authorization')).toBe(BASIC);
          expect(url.searchParams.get('service')).toBe('registry');
          return Response.json({ access_token: url.searchParams.getAll('scope').join(' ') });
        }
        const repository = url.pathname.split('/')[2] ?? '';
        const scope = `repository:${repository}:${request.method === 'DELETE' ? 'delete' : 'pull'}`;
        return request.headers.get('authorization')?.includes(scope) === true
          ? new Response('ok')
          : refusal(`Bearer realm="http://registry.test/token",service="registry",scope="${scope}"`);
      },
      { credentials },
    );
    const statuses: number[] = [];
    for (const [method, repository] of [
      ['GET', 'a'],
      ['GET', 'a'],
      ['DELETE', 'a'],
      ['GET', 'a'],
      ['GET', 'b'],
    ] as const) {
      statuses.push((await wire({ method, path: `/v2/${repository}/tags/list` })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect(asked).toEqual([
      'repository:a:pull',
      'repository:a:pull repository:a:delete',
      'repository:b:pull',
    ]);
  });

  it('gives the 401 when credentials do not help, and says when a token endpoint does not', async () => {
    const refused = fetchWire(() => refusal('Basic realm="registry"'), { credentials });
    expect((await refused({ method: 'GET', path: '/v2/' })).status).toBe(401);
    const strange = fetchWire(() => refusal('Negotiate'), { credentials });
    expect((await strange({ method: 'GET', path: '/v2/' })).status).toBe(401);
    const broken = fetchWire(
      (request) =>
        request.url.endsWith('/token')
          ? new Response(null, { status: 500 })
          : refusal('Bearer realm="http://registry.test/token"'),
      { credentials },
    );
    await expect(broken({ method: 'GET', path: '/v2/' })).rejects.toThrow('answered 500');
  });

  it('sends nothing to other origins, and leaves explicit credentials alone', async () => {
    const log: (string | null)[] = [];
    const wire = fetchWire(
      (request) => {
        log.push(request.headers.get('authorization'));
        return request.headers.has('authorization') ? new Response('ok') : refusal('Basic realm="a"');
      },
      { credentials },
    );
    await wire({ method: 'GET', path: '/v2/' });
    await wire({ method: 'GET', path: 'https://storage.example/blob' });
    await wire({ method: 'GET', path: '/v2/', headers: { authorization: 'Basic other' } });
    await wire.anonymous?.({ method: 'GET', path: '/v2/' });
    expect(log).toEqual([null, BASIC, null, 'Basic other', null]);
  });
});
