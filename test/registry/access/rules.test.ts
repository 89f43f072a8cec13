import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action } from '../../../registry/access/access.js';
import { compileRules, type AccessRule } from '../../../registry/access/rules.js';
import { messageOf } from '../../oci/arbitraries.js';
import { repositories } from './arbitraries.js';

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete', 'admin'];

const granted = (rule: Omit<AccessRule, 'repositories'>, user: string | undefined): Action[] => {
  const rules = compileRules([{ repositories: '**', ...rule }]);
  return ACTIONS.filter((action) => rules.allows(user, action, 'a/b'));
};

describe('a rule', () => {
  it('gives what its lists say, and what that includes', () => {
    expect(granted({}, 'alice')).toEqual([]);
    expect(granted({ pull: ['alice'] }, 'alice')).toEqual(['pull']);
    expect(granted({ push: ['alice'] }, 'alice')).toEqual(['pull', 'push']);
    expect(granted({ delete: ['alice'] }, 'alice')).toEqual(['pull', 'delete']);
    expect(granted({ admin: ['alice'] }, 'alice')).toEqual(ACTIONS);
    expect(granted({ admin: ['alice'] }, 'bob')).toEqual([]);
  });

  it('knows everybody and every known user', () => {
    expect(granted({ pull: ['*'] }, undefined)).toEqual(['pull']);
    expect(granted({ pull: ['*'] }, 'alice')).toEqual(['pull']);
    expect(granted({ pull: ['authenticated'] }, undefined)).toEqual([]);
    expect(granted({ pull: ['authenticated'] }, 'alice')).toEqual(['pull']);
  });

  it.each<[string | string[], string, boolean]>([
    ['team-a/**', 'team-a/app', true],
    ['team-a/**', 'team-a/app/web', true],
    ['team-a/**', 'team-a', true],
    ['team-a/**', 'team-ab', false],
    ['team-a/*', 'team-a/app/web', false],
    ['*', 'app', true],
    ['*', 'team/app', false],
    ['**', 'team/app', true],
    ['{base,tools}/**', 'tools/gcc', true],
    [['base/**', 'tools/**'], 'tools/gcc', true],
    [['base/**', 'tools/**'], 'team/app', false],
  ])('%j matches %s: %s', (pattern, repository, matches) => {
    const rules = compileRules([{ repositories: pattern, pull: ['*'] }]);
    expect(rules.allows(undefined, 'pull', repository)).toBe(matches);
  });
});

describe('of several rules', () => {
  it('the first that matches decides alone', () => {
    const rules = compileRules([
      { repositories: 'secret/**', pull: ['alice'] },
      { repositories: '**', pull: ['*'], push: ['bob'] },
    ]);
    expect(rules.allows('bob', 'push', 'secret/app')).toBe(false);
    expect(rules.allows('bob', 'pull', 'secret/app')).toBe(false);
    expect(rules.allows('alice', 'pull', 'secret/app')).toBe(true);
    expect(rules.allows('bob', 'push', 'open/app')).toBe(true);
  });

  it('none that matches means no', () => {
    const rules = compileRules([{ repositories: 'a/**', admin: ['alice'] }]);
    expect(ACTIONS.some((action) => rules.allows('alice', action, 'b'))).toBe(false);
  });

  it('rules behind the first that matches change nothing', () => {
    const rule = fc.record({
      repositories: fc.constantFrom('a/**', 'b/**', '*', '**'),
      pull: fc.subarray(['*', 'authenticated', 'alice']),
      push: fc.subarray(['*', 'authenticated', 'alice']),
    });
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1 }), repositories, (list, repository) => {
        const all = compileRules(list);
        const deciding = list.find(({ repositories: glob }) =>
          compileRules([{ repositories: glob, pull: ['*'] }]).allows(undefined, 'pull', repository),
        );
        for (const user of [undefined, 'alice', 'bob']) {
          for (const action of ACTIONS) {
            const expected =
              deciding !== undefined && compileRules([deciding]).allows(user, action, repository);
            expect(all.allows(user, action, repository)).toBe(expected);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('without rules', () => {
  it.each([undefined, []])('known users may do everything, unknown ones nothing (%j)', (list) => {
    const rules = compileRules(list);
    expect(ACTIONS.every((action) => rules.allows('alice', action, 'a'))).toBe(true);
    expect(ACTIONS.some((action) => rules.allows(undefined, action, 'a'))).toBe(false);
    expect(rules.administers('alice')).toBe(true);
    expect(rules.administers(undefined)).toBe(false);
    expect(rules.anonymousPull).toBe(false);
  });

  it('named admins are the only ones', () => {
    const rules = compileRules(undefined, ['alice']);
    expect(rules.administers('alice')).toBe(true);
    expect(rules.administers('bob')).toBe(false);
    expect(compileRules(undefined, []).administers('alice')).toBe(false);
  });
});

describe('admins', () => {
  it('are nobody once there are rules, unless they are named', () => {
    const list = [{ repositories: '**', admin: ['alice'] }];
    expect(compileRules(list).administers('alice')).toBe(false);
    expect(compileRules(list, ['authenticated']).administers('bob')).toBe(true);
  });

  it('may do everything everywhere', () => {
    const rules = compileRules([{ repositories: '**', pull: ['bob'] }], ['alice']);
    expect(ACTIONS.every((action) => rules.allows('alice', action, 'a'))).toBe(true);
  });

  it('must be known', () => {
    expect(messageOf(() => compileRules([], ['*']))).toMatch(/admins has \*/);
  });
});

describe('anonymousPull', () => {
  it('tells whether somebody unknown may pull something', () => {
    expect(compileRules([{ repositories: 'a', pull: ['alice'] }]).anonymousPull).toBe(false);
    expect(compileRules([{ repositories: 'a', pull: ['*'] }]).anonymousPull).toBe(true);
    expect(compileRules([{ repositories: 'a', push: ['*'] }]).anonymousPull).toBe(true);
  });
});

describe('a rule that is wrong', () => {
  it.each<[unknown, RegExp]>([
    [{ repositories: '' }, /rules\[0\]\.repositories is not a glob/],
    [{ repositories: [] }, /rules\[0\]\.repositories is not a glob/],
    [{ pull: ['*'] }, /rules\[0\]\.repositories is not a glob/],
    [{ repositories: '**', pul: ['*'] }, /rules\[0\] has "pul", expected repositories, pull/],
    [{ repositories: '**', pull: '*' }, /rules\[0\]\.pull is not a list of users/],
    [{ repositories: '**', pull: [7] }, /rules\[0\]\.pull is not a list of users/],
    [{ repositories: '**', pull: ['a:b'] }, /user name "a:b" is not valid: it has a colon/],
  ])('%j', (rule, message) => {
    expect(messageOf(() => compileRules([rule as AccessRule]))).toMatch(message);
  });
});
