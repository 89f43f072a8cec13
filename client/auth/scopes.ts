/** The scopes of a space-separated list. */
export function splitScopes(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((scope) => scope !== '');
}

/**
 * Joins lists of scopes: one for each resource, with all its actions, in the order of their first appearance. Some
 * servers read only the first scope, so what matters most comes first.
 */
export function mergeScopes(...lists: readonly (readonly string[])[]): string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of lists.flat()) {
    // The name of a repository may have a colon, where it begins with a host and its port.
    const colon = scope.lastIndexOf(':');
    const resource = scope.slice(0, Math.max(0, colon));
    const known = actions.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(',')) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].map(([resource, set]) => {
    const joined = [...set].join(',');
    return resource === '' ? joined : `${resource}:${joined}`;
  });
}
