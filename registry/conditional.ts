import { header, type Call } from './call.js';
import { requireCondition, type Condition } from './storage/condition.js';

/** A list of entity tags: weak or strong, and `*` alone; clients also forget the quotes (RFC 9110, 8.8.3). */
const TAG = /(W\/)?"([^"]*)"|[^\s,]+/g;

/**
 * Entity tags of an `If-Match` or `If-None-Match` header, without quotes; `*` stays (RFC 9110, 13.1).
 * @param compare `strong`: weak tags are left out, as they match nothing
 */
export function parseTags(
  value: string | undefined | null,
  compare: 'strong' | 'weak',
): readonly string[] | undefined {
  if (value === undefined || value === null || value.trim() === '') return undefined;
  return [...value.matchAll(TAG)].flatMap(([text, weak, quoted]) => {
    if (weak !== undefined && compare === 'strong') return [];
    return quoted === undefined || quoted === '*' ? text : quoted;
  });
}

/** The condition of a request that changes something. */
export function conditionOf(call: Call): Condition {
  const ifMatch = parseTags(header(call, 'if-match'), 'strong');
  const ifNoneMatch = parseTags(header(call, 'if-none-match'), 'weak');
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
}

/**
 * The condition of a request that reads. True when the client has the current content already: answer 304.
 * @throws OciError `PRECONDITION_FAILED` when `If-Match` wants something else
 */
export function isUnchanged(call: Call, digest: string): boolean {
  const { ifMatch, ifNoneMatch: tags } = conditionOf(call);
  if (ifMatch !== undefined) requireCondition('the content', digest, { ifMatch });
  return tags !== undefined && (tags.includes('*') || tags.includes(digest));
}
