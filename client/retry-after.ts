/**
 * How long an answer asks to wait, in milliseconds from now; undefined when it does not, or not in a way that can be
 * read (RFC 9110, section 10.2.3: seconds or a date).
 * @param now milliseconds since the epoch
 */
export function retryAfterOf(
  response: { header(name: string): string | undefined },
  now: number,
): number | undefined {
  const value = response.header('retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // `Date.parse` reads much that is no date of HTTP; all of those begin with the name of a day.
  const time = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
}
