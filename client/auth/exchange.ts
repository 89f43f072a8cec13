import { OciError, type CallOptions } from '../../oci/index.js';
import type { Credentials, Target } from '../credentials/keychain.js';
import { responseError } from '../errors.js';
import type { PlainHttpOptions } from '../plain-http.js';
import type { Transport } from '../transport.js';
import { chooseChallenge, parseChallenges, type Challenge } from './challenge.js';
import { checkRealm } from './realm.js';
import { requestToken, type Token } from './token-request.js';

/** What a token is wanted for, and who wants it. */
export interface ExchangeOptions extends CallOptions, PlainHttpOptions {
  /** As `repository:team/app:pull`; the most important first. */
  readonly scopes: readonly string[];
  /** Default: nobody's. */
  readonly credentials?: Credentials;
}

/**
 * Buys a token from the endpoint that a registry names, for others to use.
 * @throws OciError `UNSUPPORTED` when the registry does not work by tokens, `UNAUTHORIZED` when it gives none, and what
 *   the registry or the endpoint answers
 */
export async function exchangeToken(
  send: Transport,
  { registry }: Pick<Target, 'registry'>,
  options: ExchangeOptions,
): Promise<Token> {
  const { signal, scopes, credentials } = options;
  const { challenge, from } = await challengeOf(send, registry, signal);
  const service = challenge.parameters.get('service');
  const order = {
    realm: checkRealm(challenge.parameters.get('realm') ?? '', from),
    scopes,
    ...(service === undefined ? {} : { service }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  const token = await requestToken(send, order, options, signal);
  if (token !== undefined) return token;
  throw new OciError(
    'UNAUTHORIZED',
    `${registry} gives no token to somebody without credentials: log in first`,
  );
}

async function challengeOf(
  send: Transport,
  registry: string,
  signal: AbortSignal | undefined,
): Promise<{ challenge: Challenge; from: string }> {
  const response = await send({
    method: 'GET',
    url: `https://${registry}/v2/`,
    headers: {},
    context: { registry, auth: false },
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status !== 200 && response.status !== 401)
    throw await responseError(response, `ping of ${registry}`, { method: 'GET' });
  await response.discard();
  const challenge = chooseChallenge(parseChallenges(response.header('www-authenticate') ?? ''));
  if (response.status === 401 && challenge?.scheme === 'bearer') return { challenge, from: response.url };
  const instead =
    response.status === 200 ? 'asks for no credentials' : `wants ${challenge?.scheme ?? 'nothing known'}`;
  throw new OciError('UNSUPPORTED', `${registry} does not work by tokens: it ${instead}`);
}
