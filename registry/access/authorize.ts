import { OciError, isOciError } from '../../oci/index.js';
import type { Access, Failure, Principal, Wanted } from './access.js';

/** A 401 with the header that tells the client how to go on (RFC 9110, 11.6.1). */
export class Challenge extends OciError {
  /** The `WWW-Authenticate` header. */
  readonly header: string;

  constructor(message: string, header: string, cause?: unknown) {
    super('UNAUTHORIZED', message, { cause });
    this.header = header;
  }
}

/** A request that wants something. */
export interface Caller {
  /** Who sent it, as `Access.authenticate` tells. */
  readonly identify: () => Promise<Principal>;
  /** Its `Authorization` header. */
  readonly authorization: string | null;
  /** Scheme and host of the registry, as the client sees it. */
  readonly origin: string;
}

/**
 * Lets a caller pass, asks for credentials, or refuses. It looks at rules and credentials only, never at what is stored,
 * so a repository that is not there is answered for as one that may not be seen.
 * @throws Challenge without credentials, with wrong ones, or with a token that covers too little; OciError `DENIED` for a
 *   known user who may not
 */
export async function authorize(access: Access, wanted: Wanted, caller: Caller): Promise<Principal> {
  const challenge = (message: string, failure?: Failure, cause?: unknown): Challenge =>
    new Challenge(message, access.challenge(caller.origin, wanted, failure), cause);
  const principal = await caller.identify().catch((error: unknown) => {
    if (!isOciError(error, 'UNAUTHORIZED')) throw error;
    const bearer = /^bearer\b/i.test(caller.authorization ?? '');
    throw challenge(error.message, bearer ? 'invalid_token' : undefined, error);
  });
  if (access.open || permits(access, principal, wanted)) return principal;
  const { name, grants } = principal;
  if (name === undefined)
    throw challenge('authentication is required', grants === undefined ? undefined : 'insufficient_scope');
  if (grants !== undefined && permits(access, { name }, wanted))
    throw challenge('the token does not cover this', 'insufficient_scope');
  throw new OciError('DENIED', refusal(wanted));
}

function permits(access: Access, principal: Principal, wanted: Wanted): boolean {
  if (wanted.kind === 'repository') return access.allows(principal, wanted.action, wanted.repository);
  if (wanted.kind === 'catalog') return access.mayList(principal);
  if (wanted.kind === 'admin') return access.administers(principal);
  return !access.pingNeedsCredentials(principal);
}

function refusal(wanted: Wanted): string {
  if (wanted.kind === 'repository') return `you may not ${wanted.action} in ${wanted.repository}`;
  return wanted.kind === 'admin' ? 'this is for administrators' : 'you may not do this';
}
