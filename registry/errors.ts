import { isOciError, type ErrorCode } from '../oci/index.js';

/** The status each code travels with (distribution-spec, "Error Codes"). */
const STATUS: Partial<Record<ErrorCode, number>> = {
  ABORTED: 400,
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 409,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  PRECONDITION_FAILED: 412,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  SIZE_LIMIT: 413,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
  UNAVAILABLE: 503,
  STORE_FULL: 507,
  STORE_CLOSED: 503,
};

/** Local codes that have no place on the wire, and what is said instead. */
const SPOKEN: Partial<Record<ErrorCode, ErrorCode>> = {
  ABORTED: 'SIZE_INVALID',
  PRECONDITION_FAILED: 'DENIED',
  SIZE_LIMIT: 'MANIFEST_INVALID',
  STORE_FULL: 'DENIED',
  STORE_CLOSED: 'UNAVAILABLE',
};

export function statusOf(error: unknown): number {
  return isOciError(error) ? (STATUS[error.code] ?? 500) : 500;
}

/** Missing digests that one answer names. */
const NAMED_LIMIT = 1000;

/** One error in the envelope of the spec. `MANIFEST_BLOB_UNKNOWN` gets an entry for each digest. */
export function errorBody(error: unknown): string {
  if (!isOciError(error) || STATUS[error.code] === undefined) {
    return JSON.stringify({
      errors: [{ code: 'UNKNOWN', message: 'the registry failed to answer; its log says why' }],
    });
  }
  const { code, message, detail } = error;
  if (code === 'MANIFEST_BLOB_UNKNOWN' && Array.isArray(detail)) {
    // The message names all of them: repeated for each it would be without measure.
    const named = detail.slice(0, NAMED_LIMIT) as unknown[];
    return JSON.stringify({
      errors: named.map((digest) => ({ code, message: `${String(digest)} is not here`, detail: digest })),
    });
  }
  return JSON.stringify({
    errors: [{ code: SPOKEN[code] ?? code, message, ...(detail === undefined ? {} : { detail }) }],
  });
}

/**
 * An error as an answer.
 * @param status for the rare case that the code does not say it
 */
export function errorResponse(
  error: unknown,
  headers: Record<string, string> = {},
  status: number = statusOf(error),
): Response {
  const body = errorBody(error);
  return new Response(body, {
    status,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'docker-distribution-api-version': 'registry/2.0',
      ...headers,
    },
  });
}
