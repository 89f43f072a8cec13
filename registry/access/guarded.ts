import { OciError } from '../../oci/index.js';
import {
  ANYBODY,
  type Access,
  type Action,
  type Failure,
  type Principal,
  type TokenAnswer,
  type Wanted,
} from './access.js';
import type { Bearer } from './bearer.js';
import { basicChallenge, bearerChallenge } from './challenge.js';
import { credentialsOf } from './credentials.js';
import type { Passwords } from './passwords.js';
import type { Rules } from './rules.js';
import { covers, coversCatalog } from './scopes.js';
import { answerToken } from './token-endpoint.js';

/** What guarded access works with. */
export interface GuardedParts {
  readonly passwords: Passwords;
  readonly rules: Rules;
  /** What Basic challenges call the registry. */
  readonly realm: string;
  /** With it clients are sent for tokens; Basic credentials are taken all the same. */
  readonly bearer?: Bearer;
}

/** Access by user name and password, with tokens or without, as rules allow. */
export class GuardedAccess implements Access {
  readonly open = false;
  readonly token?: (request: Request) => Promise<TokenAnswer>;
  readonly #parts: GuardedParts;

  constructor(parts: GuardedParts) {
    this.#parts = parts;
    const { bearer, passwords } = parts;
    if (bearer === undefined) return;
    const endpoint = {
      bearer,
      userOf: (request: Request) => this.#basicUser(request),
      verify: (name: string, password: string) => passwords.verify(name, password),
      challenge: basicChallenge(parts.realm),
    };
    this.token = (request) => answerToken(endpoint, request);
  }

  async authenticate(request: Request): Promise<Principal> {
    const credentials = credentialsOf(request);
    if (credentials === undefined) return ANYBODY;
    if (credentials.scheme === 'basic') return { name: await this.#verified(credentials) };
    const { bearer } = this.#parts;
    if (bearer === undefined) throw new OciError('UNAUTHORIZED', 'this registry gives no tokens');
    return await bearer.principalOf(credentials.token);
  }

  allows({ name, grants }: Principal, action: Action, repository: string): boolean {
    if (grants !== undefined && !covers(grants, action, repository)) return false;
    return this.#parts.rules.allows(name, action, repository);
  }

  mayList({ name, grants }: Principal): boolean {
    if (grants !== undefined && !coversCatalog(grants)) return false;
    return name !== undefined || this.#parts.rules.anonymousPull;
  }

  /** Tokens are for repositories; who administers shows his password. */
  administers({ name, grants }: Principal): boolean {
    return grants === undefined && this.#parts.rules.administers(name);
  }

  pingNeedsCredentials({ name, grants }: Principal): boolean {
    return name === undefined && grants === undefined;
  }

  challenge(origin: string, wanted: Wanted, failure?: Failure): string {
    // No token is good for the registry's own endpoints, and browsers ask for a password on Basic only.
    return this.#parts.bearer === undefined || wanted.kind === 'admin'
      ? basicChallenge(this.#parts.realm)
      : bearerChallenge(origin, wanted, failure);
  }

  async #basicUser(request: Request): Promise<string | undefined> {
    const credentials = credentialsOf(request);
    if (credentials === undefined) return undefined;
    if (credentials.scheme !== 'basic')
      throw new OciError('UNAUTHORIZED', 'a token is had for Basic credentials, or for none');
    return await this.#verified(credentials);
  }

  async #verified({ name, password }: { name: string; password: string }): Promise<string> {
    if (await this.#parts.passwords.verify(name, password)) return name;
    throw new OciError('UNAUTHORIZED', 'the user name or the password is wrong');
  }
}
