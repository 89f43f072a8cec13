import { parseAllDocuments } from 'yaml';
import { OciError, isObject, printable, quote } from '../../oci/index.js';

/** A file with more bytes than this is no list of images. */
export const YAML_LIMIT = 8 << 20;

/**
 * Reads a YAML document in which all scalars are text, as imgpkg's files have it: `tag: 1.0` is the tag `1.0`. Keys that
 * stand there twice are refused.
 * @throws OciError `CONTENT_INVALID`, `SIZE_LIMIT`
 */
export function readYaml(text: string, what: string): Record<string, unknown> {
  if (text.length > YAML_LIMIT)
    throw new OciError('SIZE_LIMIT', `${what} is larger than ${YAML_LIMIT} bytes`);
  const documents = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: true, merge: false });
  const [document, ...others] = documents;
  if (document === undefined) throw invalid(what, 'it is empty');
  const error = document.errors[0];
  if (error !== undefined) throw invalid(what, printable(error.message.split('\n')[0] ?? ''), error);
  if (others.length > 0) throw invalid(what, 'it holds several documents');
  const value = plainOf(() => document.toJS() as unknown, what);
  if (isObject(value)) return value;
  throw invalid(what, 'it is not a map');
}

/** Too many aliases are found only when they are written out. */
function plainOf(read: () => unknown, what: string): unknown {
  try {
    return read();
  } catch (cause) {
    throw invalid(what, printable((cause as Error).message), cause);
  }
}

/** An error about a file of YAML. */
export function invalid(what: string, problem: string, cause?: unknown): OciError {
  return new OciError('CONTENT_INVALID', `${what} is not valid: ${problem}`, { cause });
}

/**
 * Refuses fields that nobody knows: a misspelt one would be lost without a word.
 * @throws OciError `CONTENT_INVALID`
 */
export function refuseUnknown(
  map: Readonly<Record<string, unknown>>,
  known: readonly string[],
  what: string,
): void {
  const unknown = Object.keys(map).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw invalid(what, `unknown field ${quote(unknown)}, expected ${known.join(', ')}`);
}
