import { OciError, collect, isObject, parseJson, type CallOptions, type WireCode } from '../../oci/index.js';
import type { Endpoint } from './endpoint.js';

const PAGE_LIMIT = 16 * 1024 * 1024;

/** How a list is asked for. */
export interface ListOptions extends CallOptions {
  /** Entries on one page. Default: as the registry likes. */
  readonly pageSize?: number;
}

/** The query that asks for pages of a size. */
export const sizeQuery = (size: number | undefined): string => (size === undefined ? '' : `?n=${size}`);

/** A list that comes in pages. */
export interface PagedList extends CallOptions {
  readonly path: string;
  readonly scopes: readonly string[];
  readonly what: string;
  readonly notFound?: WireCode;
}

/**
 * The pages of a list, one after another as `Link` leads (RFC 8288); it may not leave the registry.
 * @throws OciError of the registry's answer; `UNKNOWN` for a page that is no object, or leads to itself
 */
export async function* pages(endpoint: Endpoint, list: PagedList): AsyncGenerator<Record<string, unknown>> {
  const seen = new Set<string>();
  for (let path: string | undefined = list.path; path !== undefined;) {
    if (seen.has(path)) throw new OciError('UNKNOWN', `${list.what}: a page leads back to one before it`);
    seen.add(path);
    const response = await endpoint.call({ method: 'GET', accept: [200], whole: PAGE_LIMIT, ...list, path });
    const page = parseJson(await collect(response.body, PAGE_LIMIT, list.what), list.what, 'UNKNOWN');
    if (!isObject(page)) throw new OciError('UNKNOWN', `${list.what}: the answer is no object`);
    yield page;
    const next = nextOf(response.header('link') ?? '');
    path = next === undefined ? undefined : endpoint.lead(response, next, { same: true });
  }
}

/** The target of `rel="next"`. */
export function nextOf(link: string): string | undefined {
  for (const [, target, parameters = ''] of link.matchAll(/<([^>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*"?(?:[^"]*\s)?next(?=[\s",;]|$)/i.test(parameters)) return target;
  return undefined;
}

/** The texts of a list that may also be null. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
