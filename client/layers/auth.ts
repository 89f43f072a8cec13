import { chooseChallenge, parseChallenges, type Challenge } from '../auth/challenge.js';
import { Flights } from '../auth/flights.js';
import { checkRealm } from '../auth/realm.js';
import { mergeScopes, splitScopes } from '../auth/scopes.js';
import { basic } from '../auth/token-request.js';
import { Tokens } from '../auth/tokens.js';
import { anonymous, type Credentials, type Keychain } from '../credentials/keychain.js';
import { checkCarriage, type PlainHttpOptions } from '../plain-http.js';
import type { Transport, TransportLayer, TransportRequest, TransportResponse } from '../transport.js';

/** Who is asking. */
export interface AuthOptions extends PlainHttpOptions {
  /** Default `anonymous`. It is asked when a registry wants credentials, and once for each repository. */
  readonly keychain?: Keychain;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** How a registry wants to be spoken to, learnt from its last challenge. */
interface Manner {
  readonly challenge: Challenge;
  /** Where the challenge came from. */
  readonly from: string;
}

/** What is sent along. */
interface Proof {
  readonly header: string;
  /** The token in it, if it was bought. */
  readonly token?: string;
}

/**
 * Answers the challenges of registries, for requests that are meant for one (`context.registry`): Basic, Bearer from a
 * token endpoint with credentials or without, and tokens from the keychain as they are. Nothing is sent before a
 * registry asks; after that every request carries what it wanted. A token that allows too little, or is good no longer,
 * is replaced once. Credentials go to the registry's own origin and to its token endpoint, nowhere else: this layer
 * stands over the one that follows redirects.
 */
export function auth(options: AuthOptions = {}): TransportLayer {
  return (next) => {
    const authenticator = new Authenticator(next, options);
    return (request) => authenticator.send(request);
  };
}

class Authenticator {
  readonly #next: Transport;
  readonly #options: AuthOptions;
  readonly #keychain: Keychain;
  readonly #now: () => number;
  readonly #tokens: Tokens;
  readonly #manners = new Map<string, Manner>();
  readonly #credentials = new Map<string, Credentials | undefined>();
  readonly #searches = new Flights<Credentials | undefined>();
  /** Scopes that turned out to be needed, by those that were asked for. */
  readonly #needed = new Map<string, readonly string[]>();

  constructor(next: Transport, options: AuthOptions) {
    const { keychain = anonymous, now = Date.now } = options;
    this.#next = next;
    this.#options = options;
    this.#keychain = keychain;
    this.#now = now;
    this.#tokens = new Tokens(next, now, options);
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    if (!isForRegistry(request) || request.headers.authorization !== undefined)
      return await this.#next(request);
    const { host } = new URL(request.url);
    let scopes = this.#scopesOf(request);
    let proof = await this.#prove(request, scopes);
    for (let renewals = 0; ; renewals++) {
      const response = await this.#next(proof === undefined ? request : withProof(request, proof));
      // Where a redirect led, this registry's credentials are nobody's business.
      if (response.status !== 401 || new URL(response.url).host !== host) return response;
      const wanted = this.#learn(request, response, scopes);
      const nothingNew = renewals > 0 && wanted?.join(' ') === scopes.join(' ');
      if (wanted === undefined || nothingNew || renewals === 2) return response;
      scopes = wanted;
      const better = await this.#prove(request, scopes, proof);
      if (better === undefined || better.header === proof?.header) return response;
      await response.discard();
      proof = better;
    }
  }

  /** Takes in what a challenge says, and gives the scopes that are needed; undefined when it cannot be answered. */
  #learn(
    request: TransportRequest,
    response: TransportResponse,
    asked: readonly string[],
  ): readonly string[] | undefined {
    const challenge = chooseChallenge(parseChallenges(response.header('www-authenticate') ?? ''));
    if (challenge === undefined) return undefined;
    this.#manners.set(new URL(request.url).host, { challenge, from: response.url });
    const scopes = mergeScopes(splitScopes(challenge.parameters.get('scope')), asked);
    const key = scopeKey(request);
    if (key !== undefined) this.#needed.set(key, scopes);
    return scopes;
  }

  #scopesOf(request: TransportRequest): readonly string[] {
    const key = scopeKey(request);
    return (key === undefined ? undefined : this.#needed.get(key)) ?? request.context?.scopes ?? [];
  }

  /** What to send along; undefined while the registry has not asked, and when there is nothing to prove. */
  async #prove(
    request: TransportRequest,
    scopes: readonly string[],
    rejected?: Proof,
  ): Promise<Proof | undefined> {
    const manner = this.#manners.get(new URL(request.url).host);
    if (manner === undefined) return undefined;
    const credentials = await this.#find(request);
    if (credentials?.kind === 'token') return this.#own(manner, `Bearer ${credentials.token}`);
    if (manner.challenge.scheme === 'bearer')
      return await this.#buy(manner, {
        scopes,
        credentials,
        rejected: rejected?.token,
        signal: request.signal,
      });
    if (credentials?.kind !== 'password') return undefined;
    return this.#own(manner, basic(credentials.username, credentials.password));
  }

  /** Credentials that go to the registry itself. */
  #own({ from }: Manner, header: string): Proof {
    checkCarriage(from, this.#options);
    return { header };
  }

  async #buy(
    { challenge, from }: Manner,
    need: {
      readonly scopes: readonly string[];
      readonly credentials: Credentials | undefined;
      readonly rejected: string | undefined;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<Proof | undefined> {
    const { parameters } = challenge;
    const { scopes, credentials, ...rest } = need;
    const service = parameters.get('service');
    const order = {
      realm: checkRealm(parameters.get('realm') ?? '', from),
      ...(service === undefined ? {} : { service }),
      scopes,
      ...(credentials === undefined ? {} : { credentials }),
    };
    const token = await this.#tokens.get(order, rest);
    return token === undefined ? undefined : { header: `Bearer ${token}`, token };
  }

  async #find(request: TransportRequest): Promise<Credentials | undefined> {
    const { registry = '', repository } = request.context ?? {};
    const key = `${registry}/${repository ?? ''}`;
    const known = this.#credentials.get(key);
    const good = known?.expiresAt === undefined || known.expiresAt > this.#now();
    if (good && this.#credentials.has(key)) return known;
    const target = { registry, ...(repository === undefined ? {} : { repository }) };
    const found = await this.#searches.join(
      key,
      (signal) => this.#keychain.resolve(target, { signal }),
      request.signal,
    );
    this.#credentials.set(key, found);
    return found;
  }
}

/** True when the request goes to the very registry it is meant for, and may carry credentials. */
function isForRegistry({ url, context }: TransportRequest): boolean {
  if (context?.registry === undefined || context.auth === false) return false;
  const { protocol, host } = new URL(url);
  return new URL(`${protocol}//${context.registry}`).host === host;
}

function withProof(request: TransportRequest, { header }: Proof): TransportRequest {
  return { ...request, headers: { ...request.headers, authorization: header } };
}

/** Tells requests that ask for the same; undefined for one that asks for nothing, such as a ping. */
function scopeKey({ url, context }: TransportRequest): string | undefined {
  const scopes = context?.scopes ?? [];
  return scopes.length === 0 ? undefined : JSON.stringify([new URL(url).host, ...scopes]);
}
