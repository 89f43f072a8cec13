import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { OciError } from '../../oci/index.js';
import { keys } from '../storage/keys.js';
import { put, type Records } from '../storage/records.js';

/** What a token says. Clients know it as text without meaning. */
export interface Claims {
  readonly kind: 'access' | 'refresh';
  /** Left out: anybody. */
  readonly user?: string;
  /** Fingerprint of the user's secret: a token ends with the password it was had for. */
  readonly stamp?: string;
  /** What an access token grants, as scopes between spaces. */
  readonly scope?: string;
  /** Milliseconds since the epoch; left out: never. */
  readonly expires?: number;
}

const KEY_BYTES = 32;

/** The key that a store's tokens are signed with, made when it is first asked for. */
export async function tokenKey(records: Records): Promise<Uint8Array> {
  const key = keys.setting('token');
  for (;;) {
    const value = await records.get(key);
    if (value !== undefined) return value;
    // Of two that come at once one writes; the other reads what it wrote.
    await records.commit([put(key, randomBytes(KEY_BYTES))], [{ key, value: undefined }]);
  }
}

/** Signs and checks tokens with HMAC-SHA256. */
export class Tokens {
  readonly #key: Uint8Array;
  readonly #now: () => number;

  constructor(key: Uint8Array, now: () => number) {
    this.#key = key;
    this.#now = now;
  }

  sign(claims: Claims): string {
    const text = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${text}.${this.#hash('token', text).toString('base64url')}`;
  }

  /** @throws OciError `UNAUTHORIZED` when it was not signed here, is of another kind, or has expired */
  verify(token: string, kind: Claims['kind']): Claims {
    const [text = '', signature = ''] = token.split('.');
    const expected = this.#hash('token', text).toString('base64url');
    const genuine =
      signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
    const claims = genuine
      ? (JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Claims)
      : undefined;
    if (claims === undefined || claims.kind !== kind || token !== `${text}.${signature}`)
      throw new OciError('UNAUTHORIZED', 'the token is not one of this registry');
    if (claims.expires !== undefined && claims.expires <= this.#now())
      throw new OciError('UNAUTHORIZED', 'the token has expired');
    return claims;
  }

  /** A fingerprint of a user's secret, which tells nothing to those without the key. */
  stamp(user: string, secret: string): string {
    return this.#hash('stamp', user, secret).toString('base64url').slice(0, 22);
  }

  #hash(...parts: readonly string[]): Buffer {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest();
  }
}
