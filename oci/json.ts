import { OciError, type ErrorCode } from './errors.js';
import { printable } from './quote.js';

// A byte order mark is kept, so that it is refused: readers in Go take it for a syntax error.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Lists in lists: more than any document of this field has, and few enough for whoever walks through them. */
const DEPTH = 1000;

/**
 * Parses UTF-8 JSON.
 * @throws OciError with `code` when the bytes are not UTF-8 or not JSON, or nested more than 1000 deep: a parsed document of
 * nothing but brackets takes a hundred times its bytes
 */
export function parseJson(bytes: Uint8Array, what: string, code: ErrorCode = 'MANIFEST_INVALID'): unknown {
  try {
    const text = decoder.decode(bytes);
    checkDepth(text);
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new OciError(code, `${what} is not valid JSON: ${printable((cause as Error).message)}`, { cause });
  }
}

function checkDepth(text: string): void {
  if (text.length < 2 * DEPTH) return;
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (isText) {
      if (char === BACKSLASH) at++;
      else if (char === QUOTE) isText = false;
    } else if (char === QUOTE) isText = true;
    else if (char === OPEN_LIST || char === OPEN_OBJECT) {
      if (++depth > DEPTH) throw new SyntaxError(`it is nested more than ${DEPTH} deep`);
    } else if (char === CLOSE_LIST || char === CLOSE_OBJECT) depth--;
  }
}

const [BACKSLASH, QUOTE, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x5c, 0x22, 0x5b, 0x5d, 0x7b, 0x7d,
];

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
