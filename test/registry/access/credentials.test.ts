import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basicChallenge, bearerChallenge } from '../../../registry/access/challenge.js';
import { credentialsOf, type Credentials } from '../../../registry/access/credentials.js';
import { outcome } from '../../oci/arbitraries.js';

const read = (authorization: string): Credentials | undefined =>
  credentialsOf(new Request('http://registry.test/', { headers: { authorization } }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('credentialsOf', () => {
  it('reads what Basic carries, in UTF-8, with colons in the password', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes(':'));
    const password = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(name, password, (user, secret) => {
        const expected = { scheme: 'basic', name: user, password: secret };
        expect(read(`Basic ${base64(`${user}:${secret}`)}`)).toEqual(expected);
      }),
    );
  });

  it('reads what Bearer carries, and the scheme in any case', () => {
    expect(read('Bearer a.b-c_d')).toEqual({ scheme: 'bearer', token: 'a.b-c_d' });
    expect(read('bEaReR  x==')).toEqual({ scheme: 'bearer', token: 'x==' });
    expect(read(`BASIC ${base64('a:')}`)).toEqual({ scheme: 'basic', name: 'a', password: '' });
  });

  it('finds none where there are none', () => {
    expect(credentialsOf(new Request('http://registry.test/'))).toBeUndefined();
    expect(read(`Basic ${base64(':')}`)).toBeUndefined();
  });

  it.each([
    '',
    'Basic',
    'Bearer',
    'Bearer a b',
    'Basic !',
    `Basic ${base64('a')}`,
    'Negotiate abc',
    'Bearer "a"',
  ])('refuses %j', (text) => {
    expect(outcome(() => read(text))).toBe('UNAUTHORIZED');
  });
});

describe('a challenge', () => {
  it('has every value in quotes, and none that ends them', () => {
    expect(basicChallenge('my registry')).toBe('Basic realm="my registry"');
    expect(bearerChallenge('http://a"b', { kind: 'identity' }, undefined)).toBe(
      'Bearer realm="http://a\\"b/_ocilot/token",service="a\\"b"',
    );
  });

  it('names the scopes, and why credentials were not enough', () => {
    const wanted = { kind: 'repository', repository: 'a/b', action: 'push', from: 'c' } as const;
    expect(bearerChallenge('https://r:5000', wanted, 'insufficient_scope')).toBe(
      'Bearer realm="https://r:5000/_ocilot/token",service="r:5000",' +
        'scope="repository:a/b:pull,push repository:c:pull",error="insufficient_scope"',
    );
    expect(bearerChallenge('http://r', { ...wanted, action: 'admin', from: 'a/b' }, undefined)).toContain(
      'scope="repository:a/b:*"',
    );
  });
});
