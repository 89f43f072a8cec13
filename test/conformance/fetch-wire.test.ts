import { describe, expect, it } from 'vitest';
import { pieces } from '../../conformance/content.js';
import { fetchWire } from '../../conformance/fetch-wire.js';
import type { WireRequest } from '../../conformance/wire.js';

/** What a handler saw of a request. */
async function seen(request: WireRequest) {
  let url = '';
  let headers: Readonly<Record<string, string>> = {};
  let body = '';
  const wire = fetchWire(async (incoming) => {
    url = incoming.url;
    headers = Object.fromEntries(incoming.headers);
    body = await incoming.text();
    return new Response(null, { status: 204 });
  });
  const { status } = await wire(request);
  return { status, url, headers, body };
}

describe('fetchWire', () => {
  it('sends bytes with a length and streams without', async () => {
    const bytes = Buffer.from('some bytes');
    const whole = await seen({ method: 'PUT', path: '/v2/a?b=c', body: bytes });
    expect(whole).toMatchObject({
      status: 204,
      url: 'http://registry.test/v2/a?b=c',
      headers: { 'content-length': '10' },
      body: 'some bytes',
    });
    const stream = await seen({ method: 'PATCH', path: '/', body: pieces(bytes, 3) });
    expect(stream.body).toBe('some bytes');
    expect(stream.headers['content-length']).toBeUndefined();
    expect((await seen({ method: 'POST', path: '/' })).headers['content-length']).toBe('0');
    expect((await seen({ method: 'GET', path: '/' })).headers['content-length']).toBeUndefined();
  });

  it('joins lines of one header', async () => {
    const { headers } = await seen({ method: 'GET', path: '/', headers: { accept: ['a/b', 'c/d'] } });
    expect(headers.accept).toBe('a/b, c/d');
  });

  it('gives answers with all their headers, and does not follow redirects', async () => {
    const headers = { location: '/elsewhere', 'oci-tag': 'one' };
    const wire = fetchWire(() => new Response('body', { status: 307, headers }), {
      origin: 'https://r.example',
    });
    const answer = await wire({ method: 'GET', path: '/' });
    expect([wire.origin, wire.isSocket]).toEqual(['https://r.example', false]);
    expect(answer.status).toBe(307);
    expect(answer.headers.get('Location')).toBe('/elsewhere');
    expect(Buffer.from(answer.body).toString()).toBe('body');
    wire.close();
  });

  it('reads ahead as a socket does, so that a body nobody reads does not hold up its sender', async () => {
    let ended = (): void => undefined;
    const sent = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const body = {
      async *[Symbol.asyncIterator]() {
        for (let i = 0; i < 16; i++) yield Buffer.from('piece');
        ended();
      },
    };
    const wire = fetchWire(async (request) => {
      await sent;
      return new Response(await request.text());
    });
    const answer = await wire({ method: 'PUT', path: '/', body });
    expect(answer.body.byteLength).toBe(80);
  });
});
