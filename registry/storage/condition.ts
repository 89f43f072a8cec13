import { OciError } from '../../oci/index.js';

/** When something may be read or written (RFC 9110, section 13.1). Lists hold digests; `*` is any. */
export interface Condition {
  readonly ifMatch?: readonly string[];
  readonly ifNoneMatch?: readonly string[];
}

/**
 * @param what is named in the message
 * @param current its digest; undefined when it is not there
 * @param detail more facts for the error
 * @throws OciError `PRECONDITION_FAILED`
 */
export function requireCondition(
  what: string,
  current: string | undefined,
  { ifMatch, ifNoneMatch }: Condition,
  detail: Readonly<Record<string, unknown>> = {},
): void {
  const matches = (list: readonly string[]): boolean =>
    current !== undefined && (list.includes('*') || list.includes(current));
  if ((ifMatch === undefined || matches(ifMatch)) && (ifNoneMatch === undefined || !matches(ifNoneMatch)))
    return;
  throw new OciError(
    'PRECONDITION_FAILED',
    `${what} is ${current === undefined ? 'not there' : `at ${current}`}`,
    { detail: { ...detail, ...(current === undefined ? {} : { digest: current }) } },
  );
}
