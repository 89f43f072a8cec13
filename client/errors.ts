import { OciError, isObject, printable, type ErrorCode, type WireCode } from '../oci/index.js';
import { redactUrl } from './redact.js';
import { retryAfterOf } from './retry-after.js';
import type { TransportResponse } from './transport.js';

/** One entry of the error envelope (distribution-spec, "Error Codes"). */
export interface WireError {
  /** As it came; it may be a code that nobody knows. */
  readonly code: string;
  readonly message?: string;
  readonly detail?: unknown;
}

/** The `detail` of an error that a registry answered with. */
export interface ResponseDetail {
  readonly status: number;
  readonly method: string;
  /** Redacted. */
  readonly url: string;
  readonly errors: readonly WireError[];
  /** The body, when it is not the envelope of the spec; cut after 64 KiB. */
  readonly body?: string;
  /** What the registry's own log calls the request. */
  readonly requestId?: string;
  /** How long the registry asks to wait, in milliseconds from when the answer came. */
  readonly retryAfter?: number;
}

/** What is known of the request besides its answer. */
export interface Asked {
  readonly method: string;
  /** What a 404 without a code means. Default `NAME_UNKNOWN`. */
  readonly notFound?: WireCode;
  /** Milliseconds since the epoch. Default the clock of this process. */
  readonly now?: number;
}

const BODY_LIMIT = 64 * 1024;
/** Characters of a body that stand in a message. */
const MESSAGE_LIMIT = 300;

const WIRE_CODES: ReadonlySet<string> = new Set<WireCode>([
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DENIED',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'TOOMANYREQUESTS',
  'UNAUTHORIZED',
  'UNSUPPORTED',
  'PAGINATION_NUMBER_INVALID',
  'RANGE_INVALID',
  'TAG_INVALID',
  'UNAVAILABLE',
  'UNKNOWN',
]);

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  405: 'UNSUPPORTED',
  412: 'PRECONDITION_FAILED',
  413: 'SIZE_INVALID',
  416: 'RANGE_INVALID',
  429: 'TOOMANYREQUESTS',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
};

const REQUEST_IDS = ['x-request-id', 'x-amzn-requestid', 'x-ms-request-id', 'x-github-request-id'];

/**
 * Makes an error of an answer that is one, and takes in its body.
 * @param what the operation and its subject, as `manifest of registry.example/team/app:1.0`
 * @returns OciError with the code of the envelope, or else by the status; its `detail` is a `ResponseDetail`
 */
export async function responseError(
  response: TransportResponse,
  what: string,
  asked: Asked,
): Promise<OciError> {
  const text = await readText(response);
  const errors = parseErrors(text);
  const detail = detailOf(response, asked, errors, text);
  const known = errors.find(({ code }) => WIRE_CODES.has(code));
  const code = (known?.code as WireCode | undefined) ?? codeOf(response.status, asked);
  const said = errors.length > 0 ? errors.map(sayError).join('; ') : text.slice(0, MESSAGE_LIMIT).trim();
  const id = detail.requestId === undefined ? '' : ` (request id ${printable(detail.requestId)})`;
  return new OciError(
    code,
    `${what}: ${asked.method} ${detail.url} answered ${response.status}${said === '' ? '' : `: ${printable(said)}`}${id}`,
    { detail },
  );
}

/** The `detail` of an error that a registry answered with; undefined for any other. */
export function responseDetail(error: unknown): ResponseDetail | undefined {
  if (!(error instanceof Error) || !('detail' in error)) return undefined;
  const { detail } = error;
  return isObject(detail) && typeof detail.status === 'number'
    ? (detail as unknown as ResponseDetail)
    : undefined;
}

function codeOf(status: number, { notFound = 'NAME_UNKNOWN' }: Asked): ErrorCode {
  return status === 404 ? notFound : (BY_STATUS[status] ?? 'UNKNOWN');
}

function detailOf(
  response: TransportResponse,
  { method, now = Date.now() }: Asked,
  errors: readonly WireError[],
  text: string,
): ResponseDetail {
  const requestId = REQUEST_IDS.map((name) => response.header(name)).find((value) => value !== undefined);
  const retryAfter = retryAfterOf(response, now);
  return {
    status: response.status,
    method,
    url: redactUrl(response.url),
    errors,
    ...(errors.length > 0 || text === '' ? {} : { body: text }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/** What there is of the body. That it breaks off is no news about an answer that is an error anyhow. */
async function readText(response: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk.subarray(0, BODY_LIMIT - size));
      size += chunk.byteLength;
      if (size >= BODY_LIMIT) break;
    }
  } catch {
    await response.discard();
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseErrors(text: string): WireError[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  if (!isObject(parsed) || !Array.isArray(parsed.errors)) return [];
  return parsed.errors.filter(isObject).map(({ code, message, detail }) => ({
    code: typeof code === 'string' ? code : 'UNKNOWN',
    ...(typeof message === 'string' ? { message } : {}),
    ...(detail === undefined || detail === null ? {} : { detail }),
  }));
}

function sayError({ code, message }: WireError): string {
  return message === undefined || message === '' ? code : `${code}: ${message}`;
}
