import { OciError, isOciError } from '../oci/index.js';
import { redactUrl } from './redact.js';

/**
 * Why there was no answer, or no whole one. `certificate`: HTTPS, but nobody vouches for the host. `protocol`: what
 * came is not what was spoken, as HTTP on a port for HTTPS.
 */
export type NetworkReason =
  | 'certificate'
  | 'closed'
  | 'protocol'
  | 'proxy'
  | 'refused'
  | 'timeout'
  | 'unknown-host'
  | 'unreachable'
  | 'other';

/** The `detail` of an error `NETWORK` of a transport. */
export interface NetworkDetail {
  readonly reason: NetworkReason;
  readonly method: string;
  /** Redacted. */
  readonly url: string;
}

const REASONS: Readonly<Record<string, NetworkReason>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown-host',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  ECONNABORTED: 'closed',
  UND_ERR_SOCKET: 'closed',
  UND_ERR_CLOSED: 'closed',
  UND_ERR_DESTROYED: 'closed',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'closed',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  EPROTO: 'protocol',
  ERR_SSL_WRONG_VERSION_NUMBER: 'protocol',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'protocol',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate',
};

const SAID: Readonly<Record<NetworkReason, string>> = {
  certificate: 'its certificate is not trusted: give its authority, or skip the check',
  closed: 'the connection was closed before the end',
  protocol: 'the other side does not speak this protocol: is it HTTP or HTTPS?',
  proxy: 'the proxy refused',
  refused: 'the connection was refused: is it running, and is the port right?',
  timeout: 'nothing came for too long',
  'unknown-host': 'the host name is not known',
  unreachable: 'the network cannot be reached',
  other: 'the request failed',
};

/** The codes of an error and of what caused it, outermost first. */
function* codesOf(error: unknown): Generator<string> {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') yield at.code;
    // Several addresses were tried.
    if (at instanceof AggregateError) for (const one of at.errors) yield* codesOf(one);
  }
}

function reasonOf(error: unknown): NetworkReason {
  for (const code of codesOf(error)) {
    const known = REASONS[code];
    if (known !== undefined) return known;
    if (code.startsWith('CERT_')) return 'certificate';
    if (code.startsWith('HPE_') || code.startsWith('ERR_SSL_')) return 'protocol';
  }
  const text = error instanceof Error ? error.message : '';
  return text.startsWith('Proxy response') ? 'proxy' : 'other';
}

/** What a driver met, as OciError `NETWORK`. An OciError stays as it is. */
export function networkError(
  error: unknown,
  request: { readonly method: string; readonly url: string },
): OciError {
  if (isOciError(error)) return error;
  const reason = reasonOf(error);
  const url = redactUrl(request.url);
  const said = error instanceof Error && error.message !== '' ? ` (${error.message})` : '';
  const detail: NetworkDetail = { reason, method: request.method, url };
  return new OciError('NETWORK', `${request.method} ${url}: ${SAID[reason]}${said}`, {
    detail,
    cause: error,
  });
}

/** The reason of an error that a transport threw; undefined for any other error. */
export function networkReason(error: unknown): NetworkReason | undefined {
  if (!isOciError(error, 'NETWORK')) return undefined;
  return (error.detail as Partial<NetworkDetail> | undefined)?.reason ?? 'other';
}
