import { describe, expect, it } from 'vitest';
import { clientOf, originOf } from '../../registry/origin.js';

const request = (headers: Record<string, string>): Request =>
  new Request('http://internal:5000/v2/', { headers });
const origin = (headers: Record<string, string>, trustProxy = true): string =>
  originOf(request(headers), undefined, { publicUrl: undefined, trustProxy });
const client = (headers: Record<string, string>, trustProxy = true): string | undefined =>
  clientOf(request(headers), undefined, { trustProxy });

describe('the origin that a client sees', () => {
  it('is the public URL when there is one', () => {
    const options = { publicUrl: 'https://registry.example', trustProxy: true };
    expect(originOf(request({ 'x-forwarded-host': 'other' }), undefined, options)).toBe(
      'https://registry.example',
    );
  });

  it('is what the request says when no proxy is trusted', () => {
    const headers = {
      forwarded: 'host=evil;proto=https',
      'x-forwarded-host': 'evil',
      'x-forwarded-proto': 'https',
    };
    expect(origin(headers, false)).toBe('http://internal:5000');
  });

  it.each([
    [{ 'x-forwarded-host': 'r.example', 'x-forwarded-proto': 'https' }, 'https://r.example'],
    [
      { 'x-forwarded-host': 'r.example:8443, inner', 'x-forwarded-proto': 'HTTPS, http' },
      'https://r.example:8443',
    ],
    [{ 'x-forwarded-proto': 'https' }, 'https://internal:5000'],
    [{ 'x-forwarded-host': '[2001:db8::1]:5000' }, 'http://[2001:db8::1]:5000'],
    [{ forwarded: 'for=1.2.3.4;host=r.example;proto=https' }, 'https://r.example'],
    [{ forwarded: 'Host="r.example:1" ; PROTO=https, host=inner' }, 'https://r.example:1'],
    [{ forwarded: 'host=anybody', 'x-forwarded-host': 'r.example' }, 'http://r.example'],
  ])('is what a trusted proxy says: %j', (headers, expected) => {
    expect(origin(headers)).toBe(expected);
  });

  it.each(['a"b', 'a b', 'a/b', 'a\\b', 'a@b', 'a?b', '', '[x]', 'a:b', 'a\tb', '<script>'])(
    'is never made of what is no host: %s',
    (host) => {
      expect(origin({ 'x-forwarded-host': host })).toBe('http://internal:5000');
      expect(origin({ forwarded: `host="${host}"` })).toBe('http://internal:5000');
    },
  );

  it('is never made of what is no scheme', () => {
    for (const proto of ['javascript', 'ftp', 'https://x', ''])
      expect(origin({ 'x-forwarded-proto': proto })).toBe('http://internal:5000');
  });
});

describe('the address of a client', () => {
  it('is what the nearest proxy adds: what stands before it anybody may have written', () => {
    expect(client({ 'x-forwarded-for': '10.0.0.1' })).toBe('10.0.0.1');
    expect(client({ 'x-forwarded-for': '6.6.6.6, 10.0.0.1' })).toBe('10.0.0.1');
    expect(client({ forwarded: 'for=6.6.6.6, for="[2001:db8::1]:4711";proto=https' })).toBe('2001:db8::1');
    expect(client({ 'x-forwarded-for': '10.0.0.1:4711' })).toBe('10.0.0.1');
  });

  it('is unknown when nobody is trusted or nothing is said', () => {
    expect(client({ 'x-forwarded-for': '10.0.0.1' }, false)).toBeUndefined();
    expect(client({})).toBeUndefined();
    expect(client({ 'x-forwarded-for': 'a b' })).toBeUndefined();
    expect(client({ 'x-forwarded-for': '1'.repeat(100) })).toBeUndefined();
  });
});
