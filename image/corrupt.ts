import { OciError } from '../oci/index.js';

/** The error for content that is damaged or not what its format asks for: one code for every format of this floor. */
export function corrupt(message: string, cause?: unknown): OciError {
  return new OciError('CONTENT_INVALID', message, cause === undefined ? {} : { cause });
}
