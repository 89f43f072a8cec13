import { isObject, parseJson } from '../oci/index.js';
import { parseChallenges, type Challenge } from './challenge.js';
import { withQuery, type Wire, type WireRequest, type WireResponse } from './wire.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The value of an `Authorization` header for Basic. */
export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/**
 * Answers Basic and Bearer challenges of `wire`'s own origin. What was granted is sent at once with the next request
 * to the same repository, so a body is rarely sent twice.
 */
export function withCredentials(wire: Wire, credentials: Credentials): Wire {
  const authenticator = new Authenticator(wire, credentials);
  return Object.assign((request: WireRequest) => authenticator.send(request), {
    origin: wire.origin,
    isSocket: wire.isSocket,
    anonymous: wire,
    close: () => wire.close(),
  });
}

interface Grant {
  readonly scopes: Set<string>;
  authorization: string | undefined;
}

class Authenticator {
  readonly #wire: Wire;
  readonly #credentials: Credentials;
  readonly #grants = new Map<string, Grant>();
  #basic = false;

  constructor(wire: Wire, credentials: Credentials) {
    this.#wire = wire;
    this.#credentials = credentials;
  }

  async send(request: WireRequest): Promise<WireResponse> {
    const foreign = !request.path.startsWith('/');
    if (foreign || hasAuthorization(request)) return this.#wire(request);
    const grant = this.#grantFor(request.path);
    const known = this.#basic ? basicAuthorization(this.#credentials) : grant.authorization;
    const response = await this.#wire(authorized(request, known));
    if (response.status !== 401) return response;
    const fresh = await this.#answer(response, grant, request.signal);
    return fresh === undefined || fresh === known ? response : this.#wire(authorized(request, fresh));
  }

  /** One grant a repository, and one for all other paths. */
  #grantFor(path: string): Grant {
    const match = /^\/v2\/(.+)\/(?:blobs|manifests|tags|referrers)\//.exec(path);
    const key = match?.[1] ?? '';
    const grant = this.#grants.get(key) ?? { scopes: new Set<string>(), authorization: undefined };
    this.#grants.set(key, grant);
    return grant;
  }

  async #answer(
    response: WireResponse,
    grant: Grant,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const challenges = response.headers.all('www-authenticate').flatMap(parseChallenges);
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
    if (bearer !== undefined) {
      grant.authorization = await this.#token(bearer, grant.scopes, signal);
      return grant.authorization;
    }
    if (!challenges.some((challenge) => challenge.scheme === 'basic')) return undefined;
    this.#basic = true;
    return basicAuthorization(this.#credentials);
  }

  async #token(challenge: Challenge, scopes: Set<string>, signal: AbortSignal | undefined): Promise<string> {
    const { realm, service, scope } = challenge.parameters;
    if (realm === undefined) throw new Error('Bearer challenge without a realm');
    for (const one of (scope ?? '').split(' ').filter(Boolean)) scopes.add(one);
    let path = withQuery(new URL(realm, this.#wire.origin).href, service === undefined ? {} : { service });
    for (const one of scopes) path = withQuery(path, { scope: one });
    const response = await this.#wire({
      method: 'GET',
      path,
      headers: { authorization: basicAuthorization(this.#credentials) },
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.status !== 200) throw new Error(`token endpoint ${realm} answered ${response.status}`);
    const answer = parseJson(response.body, 'token answer');
    const token = isObject(answer) ? (answer.token ?? answer.access_token) : undefined;
    if (typeof token !== 'string') throw new Error(`token endpoint ${realm} gave no token`);
    return `Bearer ${token}`;
  }
}

function hasAuthorization(request: WireRequest): boolean {
  return Object.keys(request.headers ?? {}).some((name) => name.toLowerCase() === 'authorization');
}

function authorized(request: WireRequest, authorization: string | undefined): WireRequest {
  if (authorization === undefined) return request;
  return { ...request, headers: { ...request.headers, authorization } };
}
