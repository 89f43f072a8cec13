import { isOciError, type CallOptions, type ErrorCode } from '../../oci/index.js';

/** Something that is not as it says. */
export interface Problem {
  /** Where: `layer sha256:…`, `config sha256:…`, `image sha256:…`. */
  readonly at: string;
  readonly message: string;
}

/** Options of `validate`. */
export interface ValidateOptions extends CallOptions {
  /** Whether layers are there, and not what is in them. Default false. */
  readonly fast?: boolean;
}

/** What content can have wrong; everything else that goes wrong, as on the network, is no problem of the content. */
const OF_CONTENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BLOB_UNKNOWN',
  'CONTENT_INVALID',
  'DIGEST_MISMATCH',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'SIZE_LIMIT',
  'UNSUPPORTED',
]);

/** The value, or undefined with a problem noted where the content is to blame. */
export async function attempt<T>(problems: Problem[], at: string, value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (!isOciError(error) || !OF_CONTENT.has(error.code)) throw error;
    problems.push({ at, message: error.message });
    return undefined;
  }
}
