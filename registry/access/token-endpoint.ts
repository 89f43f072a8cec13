import { OciError, collect, isOciError, type ByteStream } from '../../oci/index.js';
import { errorResponse } from '../errors.js';
import type { TokenAnswer } from './access.js';
import type { Bearer, Issued } from './bearer.js';
import { formatScope, parseScopes } from './scopes.js';

/** Where tokens are had, below the origin of the registry. */
export const TOKEN_PATH = '/_ocilot/token';

/** Largest form, in bytes. */
const FORM_LIMIT = 16 * 1024;

/** Longest text of all scopes asked for at once, in characters: the token must fit into a header. */
const SCOPE_LIMIT = 4096;

/** What the token endpoint works with. */
export interface TokenEndpoint {
  readonly bearer: Bearer;
  /** The user of the Basic credentials of a request; undefined when it has none. Throws `UNAUTHORIZED`. */
  readonly userOf: (request: Request) => Promise<string | undefined>;
  /** @returns whether there is such a user with this password */
  readonly verify: (name: string, password: string) => Promise<boolean>;
  /** The challenge for wrong credentials. */
  readonly challenge: string;
}

/**
 * Answers a request for a token: GET with Basic credentials or none (distribution, "Token Authentication
 * Specification"), POST of a form with a password or a refresh token (the same, "OAuth2 Token Authentication").
 */
export async function answerToken(endpoint: TokenEndpoint, request: Request): Promise<TokenAnswer> {
  try {
    if (request.method === 'GET' || request.method === 'HEAD') return await byQuery(endpoint, request);
    if (request.method === 'POST') return await byForm(endpoint, request);
  } catch (error) {
    if (!isOciError(error, 'UNAUTHORIZED')) throw error;
    return { response: errorResponse(error, { 'www-authenticate': endpoint.challenge }) };
  }
  const error = new OciError('UNSUPPORTED', `method ${request.method} is not allowed here`);
  return { response: errorResponse(error, { allow: 'GET, HEAD, POST' }) };
}

async function byQuery({ bearer, userOf }: TokenEndpoint, request: Request): Promise<TokenAnswer> {
  const query = new URL(request.url).searchParams;
  const user = await userOf(request);
  const issued = await bearer.issue(user, scopesOf(query), query.get('offline_token') === 'true');
  return answer(user, tokenFields(issued));
}

async function byForm(endpoint: TokenEndpoint, request: Request): Promise<TokenAnswer> {
  const form = await readForm(request);
  const user = await holderOf(endpoint, form);
  const issued = await endpoint.bearer.issue(user, scopesOf(form), form.get('access_type') === 'offline');
  return answer(user, { ...tokenFields(issued), scope: issued.grants.map(formatScope).join(' ') });
}

/** @throws OciError `UNAUTHORIZED`; `UNSUPPORTED` for other ways to prove oneself, so that clients try GET */
async function holderOf({ bearer, verify }: TokenEndpoint, form: URLSearchParams): Promise<string> {
  const grantType = form.get('grant_type');
  if (grantType === 'refresh_token') return await bearer.userOf(form.get('refresh_token') ?? '');
  if (grantType !== 'password')
    throw new OciError('UNSUPPORTED', 'grant_type is neither password nor refresh_token');
  const name = form.get('username') ?? '';
  if (await verify(name, form.get('password') ?? '')) return name;
  throw new OciError('UNAUTHORIZED', 'the user name or the password is wrong');
}

/** @throws OciError `SIZE_LIMIT` */
async function readForm(request: Request): Promise<URLSearchParams> {
  const body = request.body as ByteStream | null;
  const bytes = body === null ? new Uint8Array() : await collect(body, FORM_LIMIT, 'form');
  return new URLSearchParams(new TextDecoder().decode(bytes));
}

/** @throws OciError `SIZE_INVALID` */
function scopesOf(parameters: URLSearchParams): ReturnType<typeof parseScopes> {
  const text = parameters.getAll('scope').join(' ');
  if (text.length <= SCOPE_LIMIT) return parseScopes(text);
  throw new OciError('SIZE_INVALID', `the scopes are longer than ${SCOPE_LIMIT} characters: ask for fewer`);
}

function tokenFields(issued: Issued): Record<string, unknown> {
  return {
    token: issued.token,
    access_token: issued.token,
    token_type: 'Bearer',
    expires_in: issued.expiresIn,
    issued_at: issued.issuedAt,
    ...(issued.refreshToken === undefined ? {} : { refresh_token: issued.refreshToken }),
  };
}

function answer(user: string | undefined, fields: Record<string, unknown>): TokenAnswer {
  const text = JSON.stringify(fields);
  const response = new Response(text, {
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      'cache-control': 'no-store',
    },
  });
  return { response, ...(user === undefined ? {} : { user }) };
}
