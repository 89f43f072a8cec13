import { OciError, collect, isObject, parseJson } from '../../oci/index.js';
import { describeCredentials, type Credentials } from '../credentials/keychain.js';
import { responseError } from '../errors.js';
import { checkCarriage, type PlainHttpOptions } from '../plain-http.js';
import type { Transport, TransportRequest, TransportResponse } from '../transport.js';

/** What a token is asked for. */
export interface TokenOrder {
  readonly realm: URL;
  readonly service?: string;
  readonly scopes: readonly string[];
  readonly credentials?: Credentials;
}

/** A token and how long it is good for. */
export interface Token {
  readonly value: string;
  /** Milliseconds from when it was asked for. */
  readonly lifetime: number;
  /** What to ask with from now on. */
  readonly refreshToken?: string;
}

const ANSWER_LIMIT = 64 * 1024;
/** What a token is good for when nobody says (distribution, "Token Authentication Specification"). */
const DEFAULT_LIFETIME = 60_000;
const CLIENT_ID = 'ocilot';

/** Basic credentials (RFC 7617). */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/**
 * Asks a token endpoint. Identity tokens go by POST (distribution, "OAuth2 Token Authentication"); where that is not
 * known, and for all else, by GET.
 * @returns undefined when somebody without credentials gets no token
 * @throws OciError `UNAUTHORIZED` when credentials are refused; what the answer says when it is another error;
 *   `DENIED` for credentials over plain HTTP
 */
export async function requestToken(
  send: Transport,
  order: TokenOrder,
  options: PlainHttpOptions,
  signal?: AbortSignal,
): Promise<Token | undefined> {
  if (order.credentials !== undefined) checkCarriage(order.realm.href, options);
  const common = signal === undefined ? {} : { signal };
  let request: TransportRequest = { ...byGet(order), ...common };
  if (order.credentials?.kind === 'identity') {
    const post: TransportRequest = { ...byPost(order, order.credentials.token), ...common };
    const response = await send(post);
    if (response.status !== 404 && response.status !== 405)
      return await readToken(response, order, post.method);
    await response.discard();
    request = { ...byGet(order), ...common };
  }
  return await readToken(await send(request), order, request.method);
}

function byGet({ realm, service, scopes, credentials }: TokenOrder): TransportRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const headers = credentials === undefined ? {} : { authorization: authorizationOf(credentials) };
  return { method: 'GET', url: url.href, headers, context: { aside: true, whole: ANSWER_LIMIT } };
}

function authorizationOf(credentials: Credentials): string {
  if (credentials.kind === 'password') return basic(credentials.username, credentials.password);
  if (credentials.kind === 'identity') return basic(credentials.username ?? '<token>', credentials.token);
  return `Bearer ${credentials.token}`;
}

/** A redirect would carry the form, secret and all, to wherever it leads. */
function byPost({ realm, service, scopes }: TokenOrder, refreshToken: string): TransportRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: CLIENT_ID,
    ...(service === undefined ? {} : { service }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    refresh_token: refreshToken,
  });
  const bytes = Buffer.from(form.toString());
  return {
    method: 'POST',
    url: realm.href,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: {
      length: bytes.byteLength,
      async *open() {
        yield bytes;
      },
    },
    context: { redirect: false, aside: true, whole: ANSWER_LIMIT },
  };
}

async function readToken(
  response: TransportResponse,
  { realm, credentials }: TokenOrder,
  method: string,
): Promise<Token | undefined> {
  if (response.status === 200) return parseToken(await collect(response.body, ANSWER_LIMIT, 'token'), realm);
  const refused = response.status === 401 || response.status === 403;
  if (refused && credentials === undefined) {
    await response.discard();
    return undefined;
  }
  const whose = credentials === undefined ? '' : ` for ${describeCredentials(credentials)}`;
  const error = await responseError(response, `token${whose} of ${realm.host}`, { method });
  if (!refused || error.code === 'UNAUTHORIZED') throw error;
  throw new OciError('UNAUTHORIZED', error.message, { detail: error.detail, cause: error });
}

function parseToken(bytes: Uint8Array, realm: URL): Token {
  const answer = parseJson(bytes, `token of ${realm.host}`, 'UNKNOWN');
  const fields = isObject(answer) ? answer : {};
  const value = [fields.access_token, fields.token].find(
    (text): text is string => typeof text === 'string' && /^[!-~]+$/.test(text),
  );
  if (value === undefined) throw new OciError('UNKNOWN', `${realm.host} answered without a token`);
  const { expires_in: seconds, refresh_token: refreshToken } = fields;
  return {
    value,
    lifetime: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME,
    ...(typeof refreshToken === 'string' && refreshToken !== '' ? { refreshToken } : {}),
  };
}
