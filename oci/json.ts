import { OciError, type ErrorCode } from './errors.js';
import { printable } from './quote.js';

// A byte order mark is kept, so that it is refused: readers in Go take it for a syntax error.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses UTF-8 JSON.
 * @throws OciError with `code` when the bytes are not UTF-8 or not JSON
 */
export function parseJson(bytes: Uint8Array, what: string, code: ErrorCode = 'MANIFEST_INVALID'): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (cause) {
    throw new OciError(code, `${what} is not valid JSON: ${printable((cause as Error).message)}`, { cause });
  }
}

const encoder = new TextEncoder();

/** Encodes once; digest, size and body must all be taken from the bytes returned here. */
export function encodeJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new OciError('INVALID_OPTION', `a ${typeof value} has no JSON form`);
  return encoder.encode(text);
}

/** True for a JSON object: not null, not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for an object all of whose values are text, as annotations are. */
export function isStringMap(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

/** True for a list of text, as `urls` are. */
export function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** The object without those of `keys` that are null, as Go writes and reads what is absent. */
export function dropNulls(object: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  const nulls = keys.filter((key) => object[key] === null);
  if (nulls.length === 0) return object;
  return Object.fromEntries(Object.entries(object).filter(([key]) => !nulls.includes(key)));
}
