import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action } from '../../../registry/access/access.js';
import {
  CATALOG,
  covers,
  coversCatalog,
  formatScope,
  narrow,
  parseScope,
  parseScopes,
} from '../../../registry/access/scopes.js';
import { actionLists, repositories } from './arbitraries.js';

const grants = fc.record({ type: fc.constant('repository'), name: repositories, actions: actionLists });
const ACTIONS: readonly Action[] = ['pull', 'push', 'delete', 'admin'];

describe('parseScope', () => {
  it('is the inverse of formatScope', () => {
    fc.assert(
      fc.property(grants, (grant) => {
        expect(parseScope(formatScope(grant))).toEqual(grant);
      }),
    );
  });

  it('splits at the first and the last colon, so that names may hold a host with a port', () => {
    const named = fc.tuple(repositories, fc.nat(65_535)).map(([name, port]) => `host:${port}/${name}`);
    fc.assert(
      fc.property(named, actionLists, (name, actions) => {
        expect(parseScope(`repository:${name}:${actions.join(',')}`)).toEqual({
          type: 'repository',
          name,
          actions,
        });
      }),
    );
  });

  it('drops the class of a type', () => {
    expect(parseScope('repository(plugin):team/app:pull')).toEqual({
      type: 'repository',
      name: 'team/app',
      actions: ['pull'],
    });
  });

  it('takes an action once', () => {
    expect(parseScope('repository:a:pull,push,pull')?.actions).toEqual(['pull', 'push']);
  });

  it.each([
    '',
    ':',
    '::',
    'repository',
    'repository:a',
    'repository::pull',
    ':a:pull',
    'repository:a:',
    'repository:a:pull,',
    'repository:a:PULL',
    'repository:a:pull,**',
    'repository(:a:pull',
    'repository():a:pull',
    'Repository:a:pull',
    'repository:a b:pull',
    'repository:a"b\u0000:pull',
  ])('takes %j for no scope', (text) => {
    expect(parseScope(text)).toBeUndefined();
  });

  it('never throws, and gives what it can read again', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-z():*,/]{0,30}$/));
    fc.assert(
      fc.property(text, (given) => {
        const scope = parseScope(given);
        if (scope !== undefined) expect(parseScope(formatScope(scope))).toEqual(scope);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseScopes', () => {
  it('reads any number between spaces and leaves out what is none', () => {
    expect(parseScopes('  repository:a:pull   nonsense registry:catalog:* ')).toEqual([
      { type: 'repository', name: 'a', actions: ['pull'] },
      CATALOG,
    ]);
    expect(parseScopes('')).toEqual([]);
  });

  it('covers together what each covers alone', () => {
    fc.assert(
      fc.property(fc.array(grants), repositories, fc.constantFrom(...ACTIONS), (list, extra, action) => {
        const parsed = parseScopes(list.map(formatScope).join(' '));
        expect(new Set(parsed.map(({ name }) => name)).size).toBe(parsed.length);
        for (const name of [extra, ...list.map((grant) => grant.name)])
          expect(covers(parsed, action, name)).toBe(covers(list, action, name));
      }),
    );
  });
});

describe('covers', () => {
  const may = (given: string, action: Action): boolean =>
    covers([{ type: 'repository', name: 'a', actions: [given] }], action, 'a');

  it('lets push and delete pull, and * everything', () => {
    expect(ACTIONS.filter((action) => may('pull', action))).toEqual(['pull']);
    expect(ACTIONS.filter((action) => may('push', action))).toEqual(['pull', 'push']);
    expect(ACTIONS.filter((action) => may('delete', action))).toEqual(['pull', 'delete']);
    expect(ACTIONS.filter((action) => may('*', action))).toEqual(ACTIONS);
  });

  it('is about that repository, and repositories, only', () => {
    expect(covers([{ type: 'repository', name: 'a', actions: ['*'] }], 'pull', 'a/b')).toBe(false);
    expect(covers([{ type: 'registry', name: 'a', actions: ['*'] }], 'pull', 'a')).toBe(false);
    expect(coversCatalog([{ type: 'repository', name: 'catalog', actions: ['*'] }])).toBe(false);
    expect(coversCatalog([{ type: 'registry', name: 'catalog', actions: ['pull'] }])).toBe(false);
  });
});

describe('narrow', () => {
  it('gives nothing that was not asked for, and nothing that is not allowed', () => {
    const allowed = fc.subarray([...ACTIONS]);
    fc.assert(
      fc.property(grants, allowed, (asked, list) => {
        const granted = narrow(asked, { act: (action) => list.includes(action), list: true });
        for (const action of granted?.actions ?? []) {
          expect(asked.actions.includes('*') || asked.actions.includes(action)).toBe(true);
          expect(list).toContain(action === '*' ? 'admin' : action);
        }
        expect(granted?.actions).not.toEqual([]);
      }),
    );
  });

  it('gives of * what is allowed', () => {
    const asked = { type: 'repository', name: 'a', actions: ['*'] };
    const act = (action: Action): boolean => action === 'pull' || action === 'push';
    expect(narrow(asked, { act, list: false })?.actions).toEqual(['pull', 'push']);
  });

  it('gives the catalog to those who may list it', () => {
    const act = (): boolean => true;
    expect(narrow(CATALOG, { act, list: true })).toEqual(CATALOG);
    expect(narrow(CATALOG, { act, list: false })).toBeUndefined();
    expect(narrow({ ...CATALOG, name: 'other' }, { act, list: true })).toBeUndefined();
  });

  it('gives nothing for types it does not know, and names that no repository has', () => {
    const may = { act: (): boolean => true, list: true };
    expect(narrow({ type: 'plugin', name: 'a', actions: ['*'] }, may)).toBeUndefined();
    expect(narrow({ type: 'repository', name: 'host:5000/a', actions: ['pull'] }, may)).toBeUndefined();
  });
});
