import { digestOf } from '../../oci/index.js';
import type { Credentials } from '../credentials/keychain.js';
import type { PlainHttpOptions } from '../plain-http.js';
import type { Transport } from '../transport.js';
import { Flights } from './flights.js';
import { requestToken, type Token, type TokenOrder } from './token-request.js';

interface Held {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly staleAt: number;
}

/** A token is asked for anew this long before its end, or a fifth of its life before, whichever is later. */
const EARLY = 30_000;

/** Tokens by realm, service, scopes and user, each asked for once however many want it. */
export class Tokens {
  readonly #send: Transport;
  readonly #now: () => number;
  readonly #plain: PlainHttpOptions;
  readonly #held = new Map<string, Held>();
  readonly #flights = new Flights<string | undefined>();
  /** Refresh tokens that took the place of others. */
  readonly #renewed = new Map<string, string>();

  /** @param now milliseconds since the epoch */
  constructor(send: Transport, now: () => number, plain: PlainHttpOptions) {
    this.#send = send;
    this.#now = now;
    this.#plain = plain;
  }

  /**
   * A token that is good for a while; undefined when somebody without credentials gets none.
   * @param rejected a token that was not accepted, and is not to be given again
   * @throws what `requestToken` throws
   */
  async get(
    order: TokenOrder,
    {
      rejected,
      signal,
    }: { readonly rejected?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<string | undefined> {
    const key = JSON.stringify([...placeOf(order), order.scopes.toSorted()]);
    const held = this.#held.get(key);
    if (held !== undefined && held.staleAt > this.#now() && held.value !== rejected) return held.value;
    return await this.#flights.join(key, (all) => this.#fetch(key, order, all), signal);
  }

  async #fetch(key: string, order: TokenOrder, signal: AbortSignal): Promise<string | undefined> {
    const asked = this.#now();
    const place = JSON.stringify(placeOf(order));
    const renewed = this.#renewed.get(place);
    const credentials =
      renewed !== undefined && order.credentials?.kind === 'identity'
        ? { ...order.credentials, token: renewed }
        : order.credentials;
    const token = await requestToken(
      this.#send,
      { ...order, ...(credentials === undefined ? {} : { credentials }) },
      this.#plain,
      signal,
    );
    if (token === undefined) return undefined;
    this.#held.set(key, { value: token.value, staleAt: asked + useful(token) });
    if (token.refreshToken !== undefined && credentials?.kind === 'identity')
      this.#renewed.set(place, token.refreshToken);
    return token.value;
  }
}

function useful({ lifetime }: Token): number {
  return lifetime - Math.min(EARLY, lifetime / 5);
}

/** Realm, service and user; the user as a digest, since keys outlive what they are made of. */
function placeOf({ realm, service, credentials }: TokenOrder): readonly string[] {
  return [realm.href, service ?? '', credentials === undefined ? '' : identityOf(credentials)];
}

/** Tells credentials apart without keeping them. */
export function identityOf(credentials: Credentials): string {
  return digestOf(JSON.stringify(credentials));
}
