import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../client/drivers/proxies.js';
import { responseError } from '../../client/errors.js';
import { scheme } from '../../client/layers/scheme.js';
import { parseWarnings } from '../../client/layers/warnings.js';
import { networkError } from '../../client/network-errors.js';
import { schemesFor } from '../../client/plain-http.js';
import { redactHeader, redactUrl } from '../../client/redact.js';
import { FakeResponse, fake, get, type FakeAnswer } from './fakes.js';

const broken = (code: string): Error =>
  networkError(Object.assign(new Error('broke'), { code }), { method: 'GET', url: 'https://x/' });

describe('scheme', () => {
  it.each([
    ['localhost:5000', 'http: https:'],
    ['app.localhost', 'http: https:'],
    ['127.9.9.9', 'http: https:'],
    ['[::1]:5000', 'http: https:'],
    ['registry.local', 'https: http:'],
    ['10.1.2.3:5000', 'https: http:'],
    ['172.31.0.1', 'https: http:'],
    ['allowed.example', 'https: http:'],
    ['172.32.0.1', 'https:'],
    ['localhost.example', 'https:'],
    ['127.0.0.1.example', 'https:'],
    ['registry.example', 'https:'],
  ])('for %s is %s', (host, expected) => {
    const plainHttp = (name: string): boolean => name === 'allowed.example';
    expect(schemesFor(host, { plainHttp }).join(' ')).toBe(expected);
  });

  const run = async (
    host: string,
    answer: (url: string) => FakeAnswer | Error,
    headers = {},
  ): Promise<unknown> => {
    const { transport, sent } = fake(({ url }) => answer(url));
    const send = scheme()(transport);
    const request = get(`https://${host}/v2/`, { headers, context: { registry: host } });
    const codes = [];
    for (let n = 0; n < 2; n++)
      codes.push(
        await send(request).then(
          ({ status }) => status,
          (error: { code: string }) => error.code,
        ),
      );
    return [codes.join(' '), sent.map(({ url }) => new URL(url).protocol).join(' ')];
  };

  it('falls to HTTP only where HTTPS is not spoken, and remembers', async () => {
    const plain = (code: string) => (url: string) => (url.startsWith('https:') ? broken(code) : {});
    for (const code of ['ECONNREFUSED', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ECONNRESET'])
      expect(await run('r.local', plain(code))).toEqual(['200 200', 'https: http: http:']);
    for (const code of ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT'])
      expect(await run('r.local', plain(code))).toEqual(['NETWORK NETWORK', 'https: https:']);
    expect(await run('r.example', plain('ECONNREFUSED'))).toEqual(['NETWORK NETWORK', 'https: https:']);
  });

  it('goes on to HTTPS where a server says so with a status', async () => {
    const secure = (url: string): FakeAnswer => ({ status: url.startsWith('https:') ? 200 : 400 });
    expect(await run('localhost:1', secure)).toEqual(['200 200', 'http: https: https:']);
    const really = (url: string): FakeAnswer | Error =>
      url.startsWith('https:') ? broken('EPROTO') : { status: 400 };
    expect(await run('localhost:1', really)).toEqual(['400 400', 'http: https: http:']);
  });

  it('lets no credentials out over plain HTTP', async () => {
    const plain = (url: string): FakeAnswer | Error =>
      url.startsWith('https:') ? broken('ECONNREFUSED') : {};
    expect(await run('r.local', plain, { authorization: 'Basic eA==' })).toEqual([
      'DENIED DENIED',
      'https: https:',
    ]);
  });
});

describe('proxyFor', () => {
  const env = {
    HTTPS_PROXY: 'proxy.example:3128',
    NO_PROXY: 'a.example, .b.example 10.0.0.0/8,c.example:444,192.0.2.1,[2001:db8::1]',
  };
  it.each([
    ['https://x.example/', true],
    ['http://x.example/', false],
    ['https://a.example/', false],
    ['https://sub.a.example/', false],
    ['https://aa.example/', true],
    ['https://b.example/', true],
    ['https://sub.b.example/', false],
    ['https://10.9.9.9/', false],
    ['https://11.9.9.9/', true],
    ['https://c.example/', true],
    ['https://c.example:444/', false],
    ['https://192.0.2.1/', false],
    ['https://[2001:db8::1]/', false],
    ['https://localhost/', false],
    ['https://127.0.0.1/', false],
  ])('%s goes by proxy: %s', (url, expected) => {
    expect(proxyFor(new URL(url), env)?.href).toBe(expected ? 'http://proxy.example:3128/' : undefined);
  });

  it('knows the other variables', () => {
    const url = new URL('http://x.example/');
    expect(proxyFor(url, { ALL_PROXY: 'http://all:1' })?.host).toBe('all:1');
    expect(proxyFor(url, { HTTP_PROXY: 'http://up:1', http_proxy: 'http://low:1' })?.host).toBe('low:1');
    expect(proxyFor(url, { HTTP_PROXY: 'http://up:1', REQUEST_METHOD: 'GET' })).toBeUndefined();
    expect(proxyFor(url, { HTTP_PROXY: 'http://up:1', no_proxy: '*' })).toBeUndefined();
    expect(() => proxyFor(url, { HTTP_PROXY: 'socks5://me:secret@up:1' })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.not.stringContaining('secret') as string,
      }),
    );
  });
});

describe('responseError', () => {
  const errorOf = (answer: FakeAnswer): Promise<unknown> =>
    responseError(new FakeResponse('https://r.example/v2/?sig=hush&n=1', answer), 'manifest of app:1', {
      method: 'GET',
      notFound: 'MANIFEST_UNKNOWN',
      now: 0,
    });

  it('takes code, message and detail of the envelope', async () => {
    const body = JSON.stringify({
      errors: [
        { code: 'ODD', message: 'odd' },
        { code: 'NAME_UNKNOWN', message: 'no \u001b[31m', detail: { a: 1 } },
      ],
    });
    const headers = { 'x-request-id': 'abc', 'retry-after': '3' };
    expect(await errorOf({ status: 404, body, headers })).toMatchObject({
      code: 'NAME_UNKNOWN',
      message:
        'manifest of app:1: GET https://r.example/v2/?sig=REDACTED&n=1 answered 404: ODD: odd; NAME_UNKNOWN: no \\u001b[31m (request id abc)',
      detail: {
        status: 404,
        method: 'GET',
        url: 'https://r.example/v2/?sig=REDACTED&n=1',
        errors: [
          { code: 'ODD', message: 'odd' },
          { code: 'NAME_UNKNOWN', detail: { a: 1 } },
        ],
        requestId: 'abc',
        retryAfter: 3000,
      },
    });
  });

  it.each([
    [401, 'UNAUTHORIZED'],
    [403, 'DENIED'],
    [404, 'MANIFEST_UNKNOWN'],
    [405, 'UNSUPPORTED'],
    [412, 'PRECONDITION_FAILED'],
    [416, 'RANGE_INVALID'],
    [429, 'TOOMANYREQUESTS'],
    [418, 'UNKNOWN'],
    [500, 'UNKNOWN'],
    [503, 'UNAVAILABLE'],
  ])('goes by the status %i where there is no envelope', async (status, code) => {
    for (const body of ['', '<html>', '{"errors":"x"}', '[1]', '{"errors":[1]}'])
      expect(await errorOf({ status, body })).toMatchObject({ code, detail: { status, errors: [] } });
  });

  it('keeps no more than 64 KiB of a body', async () => {
    const error = await errorOf({ status: 500, body: 'x'.repeat(100_000) });
    expect(error).toMatchObject({ detail: { body: 'x'.repeat(65_536) } });
    expect((error as Error).message.length).toBeLessThan(500);
  });
});

describe('redaction', () => {
  it.each([
    [
      'https://me:pw@h.example/a?n=1&X-Amz-Signature=s&scope=x#frag',
      'https://h.example/a?n=1&X-Amz-Signature=REDACTED&scope=x',
    ],
    ['no url', 'REDACTED'],
  ])('shows of %s only %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  it.each([
    ['Authorization', 'Bearer abc', 'Bearer REDACTED'],
    ['authorization', 'abc', 'REDACTED'],
    ['set-cookie', 'a=b', 'REDACTED'],
    ['location', '/v2/a?_state=s&digest=d', '/v2/a?_state=REDACTED&digest=d'],
    ['location', 'https://cdn.example/?sig=s', 'https://cdn.example/?sig=REDACTED'],
    ['accept', 'x', 'x'],
  ])('shows of %s: %s only %s', (name, value, shown) => {
    expect(redactHeader(name, value)).toBe(shown);
  });
});

describe('parseWarnings', () => {
  it('reads those of the spec and no others', () => {
    expect(parseWarnings('299 - "one, \\"two\\"", 199 - "no", 299 - "three", 299 agent "no"')).toEqual([
      'one, "two"',
      'three',
    ]);
  });
});
