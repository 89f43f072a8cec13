import { OciError, quote } from '../oci/index.js';

export interface Page {
  /** Entries asked for; undefined: as many as the server likes. */
  readonly n: number | undefined;
  readonly last: string | undefined;
}

/** Most entries of one answer. */
export const PAGE_LIMIT = 10_000;

/** @throws OciError `PAGINATION_NUMBER_INVALID` */
export function parsePage(query: URLSearchParams): Page {
  const text = query.get('n');
  if (text !== null && !/^\d{1,9}$/.test(text)) {
    throw new OciError('PAGINATION_NUMBER_INVALID', `n=${quote(text, 40)} is not a number of entries`, {
      detail: { n: text.slice(0, 40) },
    });
  }
  return { n: text === null ? undefined : Number(text), last: query.get('last') ?? undefined };
}

/** How many entries to send. */
export const pageSize = ({ n }: Page): number => Math.min(n ?? PAGE_LIMIT, PAGE_LIMIT);

/** The `Link` header to the page behind `last` (RFC 8288). */
export function nextLink(
  path: string,
  page: Page,
  last: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams({
    ...more,
    ...(page.n === undefined ? {} : { n: String(page.n) }),
    last,
  });
  return `<${path}?${query.toString()}>; rel="next"`;
}
