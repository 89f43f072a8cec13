import { OciError } from '../../oci/index.js';
import type { Grant, Principal } from './access.js';
import type { Passwords } from './passwords.js';
import type { Rules } from './rules.js';
import { formatScope, narrow, parseScopes } from './scopes.js';
import type { Claims, Tokens } from './tokens.js';

/** What tokens are made of and from. */
export interface BearerParts {
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly rules: Rules;
  /** How long a token is good for, in milliseconds. */
  readonly ttl: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A token and what goes with it, as the token endpoint answers. */
export interface Issued {
  readonly token: string;
  readonly grants: readonly Grant[];
  /** Seconds. */
  readonly expiresIn: number;
  /** RFC 3339. */
  readonly issuedAt: string;
  /** For a known user who asked to stay logged in. */
  readonly refreshToken?: string;
}

/** Gives tokens out and takes them back. */
export class Bearer {
  readonly #parts: BearerParts;

  constructor(parts: BearerParts) {
    this.#parts = parts;
  }

  /**
   * A token for as much of what is asked for as the user may have, which may be nothing.
   * @param user undefined for somebody unknown
   * @param offline also give a refresh token, which is good for as long as the user's password
   */
  async issue(user: string | undefined, asked: readonly Grant[], offline: boolean): Promise<Issued> {
    const { tokens, rules, ttl, now } = this.#parts;
    const grants = asked
      .map((grant) =>
        narrow(grant, {
          act: (action, repository) => rules.allows(user, action, repository),
          list: user !== undefined || rules.anonymousPull,
        }),
      )
      .filter((grant) => grant !== undefined);
    const time = now();
    const holder = user === undefined ? {} : { user, stamp: await this.#stampOf(user) };
    const scope = grants.map(formatScope).join(' ');
    return {
      token: tokens.sign({ kind: 'access', ...holder, scope, expires: time + ttl }),
      grants,
      expiresIn: Math.floor(ttl / 1000),
      issuedAt: new Date(time).toISOString(),
      ...(user !== undefined && offline ? { refreshToken: tokens.sign({ kind: 'refresh', ...holder }) } : {}),
    };
  }

  /** @throws OciError `UNAUTHORIZED` */
  async principalOf(token: string): Promise<Principal> {
    const claims = this.#parts.tokens.verify(token, 'access');
    const grants = parseScopes(claims.scope ?? '');
    if (claims.user === undefined) return { grants };
    return { name: await this.#holderOf(claims), grants };
  }

  /**
   * The user whom a refresh token was given to.
   * @throws OciError `UNAUTHORIZED`
   */
  async userOf(refreshToken: string): Promise<string> {
    return await this.#holderOf(this.#parts.tokens.verify(refreshToken, 'refresh'));
  }

  async #holderOf({ user = '', stamp }: Claims): Promise<string> {
    if (stamp !== (await this.#stampOf(user)))
      throw new OciError('UNAUTHORIZED', 'the token is of a user who is gone or has a new password');
    return user;
  }

  /** @throws OciError `UNAUTHORIZED` when there is no such user, or no longer */
  async #stampOf(user: string): Promise<string> {
    const { tokens, passwords } = this.#parts;
    const secret = await passwords.secretOf(user);
    if (secret === undefined) throw new OciError('UNAUTHORIZED', 'the token is of a user who is gone');
    return tokens.stamp(user, secret);
  }
}
