import { OciError, type ErrorCode } from './errors.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Parses UTF-8 JSON.
 * @throws OciError with `code` when the bytes are not UTF-8 or not JSON
 */
export function parseJson(bytes: Uint8Array, what: string, code: ErrorCode = 'MANIFEST_INVALID'): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (cause) {
    throw new OciError(code, `${what} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

const encoder = new TextEncoder();

/** Encodes once; digest, size and body must all be taken from the bytes returned here. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** True for a JSON object: not null, not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
