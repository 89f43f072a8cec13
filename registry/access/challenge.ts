import type { Action, Failure, Wanted } from './access.js';
import { CATALOG, formatScope, scopeAction } from './scopes.js';
import { TOKEN_PATH } from './token-endpoint.js';

/** Values always stand in quotes: clients cut them out between quotes. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

/** Asks for a user name and a password (RFC 7617). */
export function basicChallenge(realm: string): string {
  return `Basic realm=${quoted(realm)}`;
}

/** Sends a client to the token endpoint for what it wants (distribution, "Token Authentication Specification"). */
export function bearerChallenge(origin: string, wanted: Wanted, failure: Failure | undefined): string {
  const scope = scopeOf(wanted);
  const fields = {
    realm: `${origin}${TOKEN_PATH}`,
    service: origin.slice(origin.indexOf('://') + 3),
    ...(scope === '' ? {} : { scope }),
    ...(failure === undefined ? {} : { error: failure }),
  };
  return `Bearer ${Object.entries(fields)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(',')}`;
}

/** The scopes a token needs; a mount needs two. */
function scopeOf(wanted: Wanted): string {
  if (wanted.kind === 'catalog') return formatScope(CATALOG);
  if (wanted.kind !== 'repository') return '';
  const { repository: name, action, from } = wanted;
  // Who pushes also looks what is there.
  const actions = action === 'push' ? ['pull', 'push'] : [scopeAction(action)];
  const target = formatScope({ type: 'repository', name, actions });
  if (from === undefined || from === name) return target;
  return `${target} ${formatScope({ type: 'repository', name: from, actions: ['pull' satisfies Action] })}`;
}
