/** Entity tags of an `If-Match` or `If-None-Match` header, without quotes and weakness; `*` stays (RFC 9110, 13.1). */
export function parseTags(header: string | undefined | null): readonly string[] | undefined {
  if (header === undefined || header === null || header.trim() === '') return undefined;
  return header
    .split(',')
    .map((tag) =>
      tag
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1'),
    )
    .filter((tag) => tag !== '');
}

/** True when the client has the current content already: answer 304. */
export function isUnchanged(ifNoneMatch: string | undefined, digest: string): boolean {
  const tags = parseTags(ifNoneMatch);
  return tags !== undefined && (tags.includes('*') || tags.includes(digest));
}
