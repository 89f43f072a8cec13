import { describe, expect, it } from 'vitest';
import {
  expectCode,
  expectDigest,
  expectEqual,
  expectStatus,
  skipUnsupported,
} from '../../conformance/expect.js';
import { fetchWire } from '../../conformance/fetch-wire.js';
import { Http } from '../../conformance/http.js';

const idle = new AbortController().signal;

function http(answer: (request: Request) => Promise<Response> | Response): Http {
  return new Http(fetchWire(answer), idle, 5000);
}

function errors(...codes: readonly string[]): Response {
  return Response.json({ errors: codes.map((code) => ({ code })) }, { status: 400 });
}

describe('Http', () => {
  it('follows redirects of reads, and of writes only where they may be repeated', async () => {
    const seen: string[] = [];
    const client = http((request) => {
      seen.push(`${request.method} ${new URL(request.url).pathname}`);
      const [, kind, status] = new URL(request.url).pathname.split('/');
      if (kind === 'end') return new Response('end');
      return new Response(null, { status: Number(status), headers: { location: '/end' } });
    });
    expect((await client.send('GET', '/from/301')).status).toBe(200);
    expect((await client.send('POST', '/from/307')).status).toBe(200);
    expect((await client.send('POST', '/from/301')).status).toBe(301);
    expect(seen).toEqual(['GET /from/301', 'GET /end', 'POST /from/307', 'POST /end', 'POST /from/301']);
  });

  it('gives up on redirects without end', async () => {
    const client = http(() => new Response(null, { status: 302, headers: { location: '/' } }));
    await expect(client.send('GET', '/')).rejects.toThrow('more than 5 redirects');
  });

  it('reads Location and Link', async () => {
    const headers = {
      location: 'id?state=1',
      link: '</other>; rel="prev", </v2/a/tags/list?last=b&n=1>; rel="next"',
    };
    const answer = await http(() => new Response(null, { headers })).send('GET', '/v2/a/');
    expect(answer.location).toBe('/v2/a/id?state=1');
    expect(answer.next).toBe('/v2/a/tags/list?last=b&n=1');
  });

  it.each([
    ['no envelope', () => Response.json({ error: 'x' }, { status: 400 })],
    ['an empty list', () => errors()],
    ['a code in lower case', () => errors('blob_unknown')],
    ['a code that is no word', () => errors('BLOB-UNKNOWN')],
    [
      'broken JSON',
      () => new Response('{', { status: 404, headers: { 'content-type': 'application/json' } }),
    ],
    ['a bad warning', () => new Response('ok', { headers: { warning: '199 a "b"' } })],
  ])('refuses %s in any answer', async (_, answer) => {
    await expect(http(answer).send('GET', '/')).rejects.toThrow('expected');
  });

  it('accepts errors that are not JSON, envelopes, and warnings of the right form', async () => {
    const plain = http(() => new Response('nothing here', { status: 404 }));
    expect((await plain.send('GET', '/')).errors).toEqual([]);
    const answer = await http(() => errors('BLOB_UNKNOWN', 'UNKNOWN')).send('GET', '/a');
    expect(answer.summary).toBe('GET /a answered 400 BLOB_UNKNOWN, UNKNOWN');
    const warned = http(() => new Response('ok', { headers: { warning: '299 - "soon gone"' } }));
    expect((await warned.send('GET', '/')).status).toBe(200);
  });

  it('says which request failed, or was not answered in time', async () => {
    const broken = http(() => Promise.reject(new Error('socket hang up')));
    await expect(broken.send('PUT', '/v2/a')).rejects.toThrow('PUT /v2/a: socket hang up');
    const silent = new Http(
      fetchWire(() => new Promise(() => undefined)),
      idle,
      10,
    );
    await expect(silent.send('GET', '/v2/')).rejects.toThrow('GET /v2/: no answer within 0.01 s');
  });

  it('throws the reason when the run is aborted', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const client = new Http(
      fetchWire(() => new Promise(() => undefined)),
      stop.signal,
      5000,
    );
    const sent = client.send('GET', '/');
    stop.abort(reason);
    await expect(sent).rejects.toBe(reason);
  });
});

describe('claims', () => {
  it('a failure shows the exchange without credentials', async () => {
    const answer = await http(() => errors('DENIED')).send('PUT', '/v2/a', {
      headers: { authorization: 'Basic c2VjcmV0', 'content-type': 'text/plain' },
    });
    const claim = (): unknown => expectStatus(answer, 201, 202);
    expect(claim).toThrow('expected status 201 or 202, got 400');
    expect(claim).toThrow('> PUT /v2/a');
    expect(claim).toThrow('> content-type: text/plain');
    expect(claim).toThrow('< 400');
    expect(claim).toThrow('{"errors":[{"code":"DENIED"}]}');
    expect(claim).not.toThrow('c2VjcmV0');
  });

  it('binary and long bodies are not printed', async () => {
    const binary = await http(() => new Response(new Uint8Array([0, 1, 2]))).send('GET', '/');
    expect(binary.describe()).toContain('(3 bytes)');
    const long = await http(() => new Response('x'.repeat(5000))).send('GET', '/');
    expect(long.describe().length).toBeLessThan(1000);
    expect(long.describe()).toContain('(5000 bytes)');
  });

  it('values are compared whatever the order of their keys', async () => {
    const answer = await http(() => new Response('ok')).send('GET', '/');
    expectEqual(answer, 'it', { a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 });
    expect(() => expectEqual(answer, 'it', { a: 1 }, { a: 2 })).toThrow(
      'expected it to be {"a":2}, got {"a":1}',
    );
    expect(() => expectEqual(answer, 'it', undefined, [])).toThrow('got nothing');
  });

  it('a digest header must be there when it must, and right when it is', async () => {
    const bytes = Buffer.from('content');
    const bare = await http(() => new Response(bytes)).send('GET', '/');
    expectDigest(bare, bytes);
    expect(() => expectDigest(bare, bytes, { required: true })).toThrow('expected a docker-content-digest');
    const wrong = { 'docker-content-digest': `sha256:${'0'.repeat(64)}` };
    const answer = await http(() => new Response(bytes, { headers: wrong })).send('GET', '/');
    expect(() => expectDigest(answer, bytes)).toThrow('expected Docker-Content-Digest to be');
  });

  it('codes must be there; what is not offered is skipped', async () => {
    const answer = await http(() => errors('UNSUPPORTED')).send('DELETE', '/v2/a');
    expect(() => expectCode(answer, 'DENIED')).toThrow('expected the error code DENIED, got UNSUPPORTED');
    expect(() => skipUnsupported(answer)).toThrow('not supported: DELETE /v2/a answered 400 UNSUPPORTED');
    const other = await http(() => errors('DIGEST_INVALID')).send('DELETE', '/v2/a');
    expect(() => skipUnsupported(other)).not.toThrow();
  });
});
