/** Error codes of the distribution spec ("Error Codes"), spelled as on the wire. */
export type WireCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED'
  // Older codes that clients still know.
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'TAG_INVALID'
  | 'UNAVAILABLE'
  | 'UNKNOWN';

/** Codes that never travel as they are: the edges translate them to a status or an exit code. */
export type LocalCode =
  | 'ABORTED'
  | 'CONTENT_INVALID'
  | 'DIGEST_MISMATCH'
  | 'INVALID_OPTION'
  | 'NETWORK'
  | 'PRECONDITION_FAILED'
  | 'REFERENCE_INVALID'
  | 'SIZE_LIMIT'
  | 'STORE_CLOSED'
  | 'STORE_CORRUPT'
  | 'STORE_FULL'
  | 'STORE_LOCKED'
  | 'STORE_VERSION';

/** Every code there is. */
export type ErrorCode = WireCode | LocalCode;

const BRAND = Symbol.for('ocilot.OciError');

/** What an error carries besides its code and message. */
export interface OciErrorOptions {
  /** Machine-readable facts about the failure: a digest, a limit, a list of missing descriptors. */
  readonly detail?: unknown;
  readonly cause?: unknown;
}

/**
 * The one error class of every floor. Match on `code`, never on the message;
 * `isOciError` also knows errors made by another loaded copy of this package.
 */
export class OciError extends Error {
  override readonly name = 'OciError';
  readonly code: ErrorCode;
  readonly detail: unknown;

  constructor(code: ErrorCode, message: string, options: OciErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for an `OciError` of any copy of this package, and of this `code` when one is given. */
export function isOciError(error: unknown, code?: ErrorCode): error is OciError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || ('code' in error && error.code === code);
}
