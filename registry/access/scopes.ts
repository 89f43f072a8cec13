import { isRepository } from '../../oci/index.js';
import type { Action, Grant } from './access.js';

/** Actions, each with those that include it. */
const INCLUDED_IN: Readonly<Record<Action, readonly Action[]>> = {
  pull: ['pull', 'push', 'delete', 'admin'],
  push: ['push', 'admin'],
  delete: ['delete', 'admin'],
  admin: ['admin'],
};

/** Actions whose holder may do this one. */
export const includedIn = (action: Action): readonly Action[] => INCLUDED_IN[action];

/** How a scope spells an action. */
export const scopeAction = (action: Action): string => (action === 'admin' ? '*' : action);

/** The grant that lets a token list the catalog. */
export const CATALOG: Grant = { type: 'registry', name: 'catalog', actions: ['*'] };

/**
 * Reads one scope, `type:name:actions` (distribution, "Token Scope Documentation"). The name may hold colons, as in
 * `host:5000/team/app`, and the type a class in parentheses, which is dropped.
 * @returns undefined for what is no scope: an asker gets nothing for it
 */
export function parseScope(text: string): Grant | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  const type = /^([a-z0-9]+)(?:\([a-z0-9]+\))?$/.exec(text.slice(0, Math.max(first, 0)))?.[1];
  const name = text.slice(first + 1, Math.max(last, first));
  const actions = [...new Set(text.slice(last + 1).split(','))];
  if (
    type === undefined ||
    !/^[!-~]+$/.test(name) ||
    !actions.every((action) => /^(?:[a-z]+|\*)$/.test(action))
  )
    return undefined;
  return { type, name, actions };
}

/** The inverse of `parseScope`. */
export function formatScope({ type, name, actions }: Grant): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** Reads scopes between spaces. Those of the same resource become one, and what is no scope is left out. */
export function parseScopes(text: string): readonly Grant[] {
  const grants = new Map<string, Grant>();
  for (const part of text.split(/\s+/)) {
    const scope = parseScope(part);
    if (scope === undefined) continue;
    const key = `${scope.type}:${scope.name}`;
    const actions = new Set([...(grants.get(key)?.actions ?? []), ...scope.actions]);
    grants.set(key, { ...scope, actions: [...actions] });
  }
  return [...grants.values()];
}

/** True when one of the grants allows an action in a repository. */
export function covers(grants: readonly Grant[], action: Action, repository: string): boolean {
  const enough = includedIn(action).map(scopeAction);
  return grants.some(
    ({ type, name, actions }) =>
      type === 'repository' && name === repository && actions.some((given) => enough.includes(given)),
  );
}

/** True when one of the grants allows to list the catalog. */
export function coversCatalog(grants: readonly Grant[]): boolean {
  return grants.some(
    ({ type, name, actions }) => type === CATALOG.type && name === CATALOG.name && actions.includes('*'),
  );
}

/** What an asker may have of a grant, as the two functions tell; undefined when that is nothing. */
export function narrow(
  asked: Grant,
  may: { readonly act: (action: Action, repository: string) => boolean; readonly list: boolean },
): Grant | undefined {
  if (asked.type === 'registry') return coversCatalog([asked]) && may.list ? CATALOG : undefined;
  if (asked.type !== 'repository' || !isRepository(asked.name)) return undefined;
  const actions = (['pull', 'push', 'delete', 'admin'] as const)
    .filter((action) => asked.actions.includes('*') || asked.actions.includes(scopeAction(action)))
    .filter((action) => may.act(action, asked.name))
    .map(scopeAction);
  return actions.length === 0 ? undefined : { ...asked, actions };
}
