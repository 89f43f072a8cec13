import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestEntry } from '../../registry/index.js';
import { EMPTY, blobOf, imageOf, open, pushBlob, pushManifest, startUpload, type Site } from './helpers.js';
import { exchange, head } from './raw.js';

let site: Site;
let digest = '';
beforeAll(async () => {
  site = await open({}, 'socket');
  ({ digest } = await pushBlob(site, 'app', 'hello'));
  await pushManifest(site, 'app', 'v1');
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

/** One request that asks for the connection to be closed. */
const once = async (line: string, ...headers: string[]): Promise<string> =>
  await exchange(site.url, head(line, ...headers, 'Connection: close'));

const statusOf = (text: string): string => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? text;
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

describe('the target of a request', () => {
  it('may be absolute', async () => {
    expect(statusOf(await once('GET http://elsewhere/v2/ HTTP/1.1', 'Host: x'))).toBe('200');
    const text = await once(`GET http://elsewhere/v2/app/blobs/${digest}?ns=docker.io HTTP/1.1`, 'Host: x');
    expect(bodyOf(text)).toBe('hello');
    expect(text).toMatch(/^oci-namespace: docker.io\r$/m);
  });

  it.each([
    'GET /v2/app/../app/tags/list HTTP/1.1',
    'GET /v2/app/./tags/list HTTP/1.1',
    'GET /v2/app/%2e%2e/app/tags/list HTTP/1.1',
    'GET /v2/app/.%2E/app/tags/list HTTP/1.1',
    'GET /v2/x%2fy/tags/list HTTP/1.1',
    'GET /v2/x%5Cy/tags/list HTTP/1.1',
    'GET /v2/x\\y/tags/list HTTP/1.1',
    'GET /v2/%00/tags/list HTTP/1.1',
    'GET /v2/%252e%252e/tags/list HTTP/1.1',
    'GET /v2/%zz/tags/list HTTP/1.1',
    'GET /v2/%ff/tags/list HTTP/1.1',
    'GET /.. HTTP/1.1',
    'GET http://x/v2/app/../app/tags/list HTTP/1.1',
    // What stands in the query is not the path.
    'GET /v2/app/../app/tags/list?x=http://x/v2/ HTTP/1.1',
    'GET /v2/app/../app/tags/list?://x/ HTTP/1.1',
    'GET /v2/app/../app/tags/list#://x/ HTTP/1.1',
    'GET http://user:secret@x/v2/ HTTP/1.1',
    'GET http://a"b/v2/ HTTP/1.1',
    'GET http:///v2/ HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'GET v2/ HTTP/1.1',
    'GET ftp://x/v2/ HTTP/1.1',
  ])('is refused when it can be read in two ways: %s', async (line) => {
    expect(statusOf(await once(line, 'Host: x'))).toBe('400');
  });

  it.each([
    ['GET /v2/app/tags/list?x=../../y HTTP/1.1', '200'],
    ['GET /v2/app/tags/list?x=http://x/../y HTTP/1.1', '200'],
    ['GET http://x HTTP/1.1', '404'],
    ['GET http://x?/v2/.. HTTP/1.1', '404'],
    ['GET //v2/ HTTP/1.1', '404'],
    ['GET /v2// HTTP/1.1', '404'],
    ['GET /v3/ HTTP/1.1', '404'],
    ['GET /V2/ HTTP/1.1', '404'],
    [`GET /v2/app/blobs/sha256%3A${'0'.repeat(64)} HTTP/1.1`, '404'],
    ['GET /%76%32/app/tags/list HTTP/1.1', '200'],
  ])('is read as it stands: %s', async (line, status) => {
    expect(statusOf(await once(line, 'Host: x'))).toBe(status);
  });
});

describe('the host of a request', () => {
  it.each(['a"b', 'a b', 'a/b', 'a,b', 'x:y', 'x:123456', '[::1', '[::g]', 'x@y', 'x:99999', 'ü'])(
    'is refused when it is none: %s',
    async (host) => {
      const text = await once('GET /v2/ HTTP/1.1', `Host: ${host}`);
      expect(statusOf(text)).toBe('400');
    },
  );

  it('is refused when there are two', async () => {
    expect(statusOf(await once('GET /v2/ HTTP/1.1', 'Host: x', 'Host: y'))).toBe('400');
  });

  it.each(['localhost', 'LOCALHOST:5000', '127.0.0.1:1', '[::1]:5000', 'a_b', 'registry.example.'])(
    'may be %s',
    async (host) => {
      expect(statusOf(await once('GET /v2/ HTTP/1.1', `Host: ${host}`))).toBe('200');
    },
  );

  it('is not asked for in HTTP/1.0', async () => {
    const text = await exchange(site.url, head(`GET /v2/app/blobs/${digest} HTTP/1.0`));
    expect(statusOf(text)).toBe('200');
    expect(bodyOf(text)).toBe('hello');
    expect(statusOf(await once('GET /v2/ HTTP/1.1'))).toBe('400');
  });
});

describe('framing', () => {
  it.each([
    ['a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 4']],
    ['two lengths', ['Content-Length: 4', 'Content-Length: 5']],
    ['a length with a sign', ['Content-Length: +4']],
    ['an unknown coding', ['Transfer-Encoding: cow']],
    ['chunked twice', ['Transfer-Encoding: chunked, identity']],
    ['a folded header', ['X: y\r\n z', 'Transfer-Encoding : chunked']],
  ])('is refused when it can be read in two ways: %s', async (_, headers) => {
    const smuggled = head('GET /v2/app/tags/list HTTP/1.1', 'Host: x');
    const text = await exchange(
      site.url,
      head('POST /v2/app/blobs/uploads/ HTTP/1.1', 'Host: x', ...headers) + `0\r\n\r\n${smuggled}`,
    );
    expect(statusOf(text)).toBe('400');
    expect(text).not.toContain('"tags"');
  });

  it('of a body without a length is by chunks', async () => {
    const { digest: name } = blobOf('chunked');
    const text = await exchange(
      site.url,
      head(
        `POST /v2/app/blobs/uploads/?digest=${name} HTTP/1.1`,
        'Host: x',
        'Transfer-Encoding: chunked',
        'Connection: close',
      ) + '3\r\nchu\r\n4;x=y\r\nnked\r\n0\r\nTrailer: z\r\n\r\n',
    );
    expect(statusOf(text)).toBe('201');
  });

  it('keeps the answers to requests sent ahead in their order', async () => {
    const text = await exchange(
      site.url,
      head(`GET /v2/app/blobs/${digest} HTTP/1.1`, 'Host: x') +
        head('PUT /v2/app/manifests/v1 HTTP/1.1', 'Host: x', 'Content-Length: 1') +
        'x' +
        head('HEAD /v2/app/manifests/v1 HTTP/1.1', 'Host: x') +
        head('GET /v2/app/tags/list HTTP/1.1', 'Host: x', 'Connection: close'),
    );
    expect(text.match(/HTTP\/1.1 \d+/g)?.map((line) => line.slice(9))).toEqual(['200', '400', '200', '200']);
    expect(text).toMatch(/hello[^]*MANIFEST_INVALID[^]*"tags":\["v1"\]/);
  });
});

describe('what is asked of the connection', () => {
  it.each(['websocket', 'h2c'])('is not granted: an upgrade to %s', async (protocol) => {
    const text = await exchange(
      site.url,
      head('GET /v2/ HTTP/1.1', 'Host: x', 'Connection: close, Upgrade', `Upgrade: ${protocol}`),
    );
    expect(statusOf(text)).toBe('200');
  });

  it('is not granted: a tunnel', async () => {
    expect(await exchange(site.url, head('CONNECT x:443 HTTP/1.1', 'Host: x:443'))).toBe('');
  });

  it('is not granted: an expectation that is not known', async () => {
    expect(statusOf(await once('GET /v2/ HTTP/1.1', 'Host: x', 'Expect: miracles'))).toBe('417');
  });
});

describe('headers that come more than once', () => {
  it('are one list where they are lists', async () => {
    const { digest: manifest } = imageOf();
    const path = `/v2/app/manifests/${manifest}`;
    const unchanged = await once(
      `GET ${path} HTTP/1.1`,
      'Host: x',
      'If-None-Match: "other"',
      `If-None-Match: "${manifest}"`,
    );
    expect(statusOf(unchanged)).toBe('304');
  });

  it('are no range when there are two of them', async () => {
    const text = await once(
      `GET /v2/app/blobs/${digest} HTTP/1.1`,
      'Host: x',
      'Range: bytes=0-1',
      'Range: bytes=2-3',
    );
    expect(statusOf(text)).toBe('200');
    expect(bodyOf(text)).toBe('hello');
  });

  it('are no place of a chunk when there are two of them', async () => {
    const session = await startUpload(site, 'app');
    const text = await exchange(
      site.url,
      head(
        `PATCH ${session} HTTP/1.1`,
        'Host: x',
        'Content-Range: 0-3',
        'Content-Range: 0-3',
        'Content-Length: 4',
        'Connection: close',
      ),
      'abcd',
    );
    expect(statusOf(text)).toBe('416');
  });
});

describe('one connection', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  afterAll(() => agent.destroy());
  const ports = new Set<number | undefined>();

  const ask = async (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body = '',
  ): Promise<[status: number | undefined, bytes: number, location: string]> =>
    await new Promise((resolve, reject) => {
      const sent = request(site.url + path, {
        method,
        agent,
        headers: { 'content-length': Buffer.byteLength(body), ...headers },
      });
      sent.on('response', (answer) => {
        ports.add(answer.socket.localPort);
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
        });
        answer.on('end', () => resolve([answer.statusCode, bytes, answer.headers.location ?? '']));
      });
      sent.on('error', reject);
      sent.end(body);
    });

  it('is kept after every kind of answer', async () => {
    const blob = `/v2/app/blobs/${digest}`;
    expect(await ask('GET', blob)).toEqual([200, 5, '']);
    expect(await ask('HEAD', blob)).toEqual([200, 0, '']);
    expect(await ask('GET', blob, { range: 'bytes=1-2' })).toEqual([206, 2, '']);
    expect((await ask('GET', blob, { range: 'bytes=9-' }))[0]).toBe(416);
    expect((await ask('HEAD', blob, { 'if-none-match': `"${digest}"` }))[0]).toBe(304);
    expect((await ask('GET', blob, { 'if-none-match': `"${digest}"` }))[0]).toBe(304);
    expect((await ask('HEAD', '/v2/app/manifests/none'))[0]).toBe(404);
    expect((await ask('GET', '/v2/app/manifests/none'))[0]).toBe(404);
    expect((await ask('DELETE', '/v2/'))[0]).toBe(405);
    expect((await ask('PUT', '/v2/app/manifests/v1', {}, 'no JSON'))[0]).toBe(400);
    const [status, , session] = await ask('POST', '/v2/app/blobs/uploads/');
    expect(status).toBe(202);
    expect((await ask('PATCH', session, {}, 'bytes'))[0]).toBe(202);
    expect((await ask('PATCH', session, { 'content-range': '9-13' }, 'bytes'))[0]).toBe(416);
    expect((await ask('GET', session))[0]).toBe(204);
    expect((await ask('PUT', `${session}?digest=${EMPTY.digest}`))[0]).toBe(400);
    expect((await ask('PUT', `${session}?digest=${blobOf('bytes').digest}`))[0]).toBe(201);
    expect((await ask('DELETE', `/v2/app/blobs/${blobOf('bytes').digest}`))[0]).toBe(202);
    expect((await ask('GET', '/v2/'))[0]).toBe(200);
    expect(ports.size).toBe(1);
  });

  it('gives HEAD the headers of GET and no body', async () => {
    for (const path of [
      '/v2/',
      '/v2/_catalog',
      `/v2/app/blobs/${digest}`,
      '/v2/app/manifests/v1',
      '/v2/app/tags/list',
      `/v2/app/referrers/${digest}`,
      '/v2/app/manifests/none',
    ]) {
      const got = await once(`GET ${path} HTTP/1.1`, 'Host: x');
      const headed = await once(`HEAD ${path} HTTP/1.1`, 'Host: x');
      const steady = (text: string): string =>
        text.slice(0, text.indexOf('\r\n\r\n')).replaceAll(/^(?:x-request-id|date): .*$/gim, '');
      expect(steady(headed)).toBe(steady(got));
      expect(bodyOf(headed)).toBe('');
      expect(headed).toMatch(/^content-length: [1-9]/m);
    }
  });
});

describe('requests that nobody can read', () => {
  it('are in the log and the metrics, without what may be a password', async () => {
    const entries: RequestEntry[] = [];
    await using watched = await open(
      { metrics: { enabled: true, public: true }, onRequest: (entry) => void entries.push(entry) },
      'socket',
    );
    for (const line of [
      'GET /v2/a/../b HTTP/1.1',
      'PUT ftp://user:secret@x/v2/ HTTP/1.1',
      'OPTIONS * HTTP/1.1',
    ])
      await exchange(watched.url, head(line, 'Host: x', 'Connection: close'));
    await exchange(watched.url, head('GET /v2/ HTTP/1.1', 'Host: a', 'Host: b', 'Connection: close'));
    expect(entries.map(({ method, path, operation, status }) => [method, path, operation, status])).toEqual([
      ['GET', '/v2/a/../b', 'refused', 400],
      ['PUT', '', 'refused', 400],
      ['OPTIONS', '', 'refused', 400],
      ['GET', '/v2/', 'refused', 400],
    ]);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(4);
    expect(entries[0]?.client).toMatch(/127.0.0.1$/);
    const metrics = (await watched.ask('GET', '/metrics')).bytes.toString();
    expect(metrics).toMatch(/ocilot_requests_total\{operation="refused",method="GET",status="4xx"\} 2/);
  });
});
