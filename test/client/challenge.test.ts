import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseChallenge, parseChallenges } from '../../client/auth/challenge.js';
import { mergeScopes, splitScopes } from '../../client/auth/scopes.js';

/** Challenges as plain data. */
function parse(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe('parseChallenges', () => {
  it.each<[string, [string, Record<string, string>][]]>([
    ['', []],
    ['Basic', [['basic', {}]]],
    ['BASIC REALM="x"', [['basic', { realm: 'x' }]]],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"',
      [['bearer', { realm: 'https://a/t', service: 's', scope: 'repository:a:pull,push' }]],
    ],
    [
      'Bearer realm=https://a/t?x=1, service=s, scope=repository:a:pull,push',
      [['bearer', { realm: 'https://a/t?x=1', service: 's', scope: 'repository:a:pull,push' }]],
    ],
    [
      'Basic realm="a, b=c", Bearer realm="https://a/t" , error = "insufficient_scope"',
      [
        ['basic', { realm: 'a, b=c' }],
        ['bearer', { realm: 'https://a/t', error: 'insufficient_scope' }],
      ],
    ],
    [
      'Negotiate, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['Basic realm="say \\"hi\\" \\\\"', [['basic', { realm: 'say "hi" \\' }]]],
    ['Bearer realm="https://a/t', [['bearer', { realm: 'https://a/t' }]]],
    ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
    ['realm="without a scheme"', []],
    [',,, Basic realm=""', [['basic', { realm: '' }]]],
  ])('reads %s', (header, expected) => {
    expect(parse(header)).toEqual(expected);
  });

  it('reads back whatever was written in quotes', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9_-]{0,9}$/);
    const parameters = fc.dictionary(token, fc.string(), { minKeys: 1, maxKeys: 4, noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(token, parameters), { maxLength: 4 }), (challenges) => {
        const header = challenges
          .map(([scheme, fields]) => {
            const pairs = Object.entries(fields).map(
              ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
            );
            return `${scheme} ${pairs.join(', ')}`;
          })
          .join(', ');
        expect(parse(header)).toEqual(challenges);
      }),
    );
  });

  it('takes any text', () => {
    const pieces = fc.constantFrom('Basic', 'Bearer', ' ', ',', '=', '"', '\\', 'realm', 'é', '\n');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((list) => list.join('')),
        ),
        (text) => {
          for (const { scheme } of parseChallenges(text)) expect(scheme).toMatch(/^\S+$/);
        },
      ),
    );
  });

  it('is quick with a long text', () => {
    for (const piece of ['a ', 'a=', '"', 'a="', ',', 'a,pull', '\\', ' ']) {
      expect(parseChallenges(piece.repeat(100_000)).length).toBeLessThan(20_000);
    }
  });
});

describe('chooseChallenge', () => {
  const choose = (header: string): string | undefined => chooseChallenge(parseChallenges(header))?.scheme;

  it('takes Bearer with a realm, else Basic, else nothing', () => {
    expect(choose('Basic realm="x", Bearer realm="y"')).toBe('bearer');
    expect(choose('Bearer, Basic realm="x"')).toBe('basic');
    expect(choose('Digest realm="x"')).toBeUndefined();
  });
});

describe('scopes', () => {
  it('joins the actions of a resource, the first first', () => {
    expect(
      mergeScopes(splitScopes('repository:b:push  repository:host:5000/x:pull'), [
        'repository:a:pull',
        'repository:b:pull,push',
        'registry:catalog:*',
      ]),
    ).toEqual([
      'repository:b:push,pull',
      'repository:host:5000/x:pull',
      'repository:a:pull',
      'registry:catalog:*',
    ]);
    expect(mergeScopes([], ['odd'])).toEqual(['odd']);
    expect(splitScopes(undefined)).toEqual([]);
  });
});
