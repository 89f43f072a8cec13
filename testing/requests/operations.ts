import { isDigest } from '../../oci/index.js';
import { TOKEN_PATH } from '../../registry/access/token-endpoint.js';
import { checkPath, matchRoute, splitTarget, type Route } from '../../registry/routes.js';

/** What requests are called in the log, by what their path names and by method. HEAD goes with GET. */
const OPERATIONS = {
  base: { GET: 'ping' },
  catalog: { GET: 'catalog' },
  extensions: { GET: 'extensions' },
  blob: { GET: 'blob.get', DELETE: 'blob.delete' },
  uploads: { POST: 'upload.start' },
  upload: { GET: 'upload.status', PATCH: 'upload.append', PUT: 'upload.finish', DELETE: 'upload.cancel' },
  manifest: { GET: 'manifest.get', PUT: 'manifest.put', DELETE: 'manifest.delete' },
  tags: { GET: 'tags.list' },
  referrers: { GET: 'referrers.list' },
} as const;

type ValueOf<T> = T extends unknown ? T[keyof T] : never;

/** The name of what a request asks for, as the registry's own logs have it; `other` for what is not its API. */
export type Operation = ValueOf<(typeof OPERATIONS)[keyof typeof OPERATIONS]> | 'token' | 'other';

/** All of them. */
export const OPERATION_NAMES: readonly string[] = [
  ...Object.values(OPERATIONS).flatMap((names) => Object.values(names)),
  'token',
  'other',
];

/** What a request asks for, before anybody has looked at it. */
export interface RequestFacts {
  readonly operation: Operation;
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly repository?: string;
  /** What the path names besides the repository: a tag, a digest, an upload. */
  readonly reference?: string;
  /** The digest in the path, or the one in the query of an upload (`digest` or `mount`). */
  readonly digest?: string;
}

/** Reads method and target of a request, nothing else. */
export function factsOf({ method, url }: Pick<Request, 'method' | 'url'>): RequestFacts {
  const { path, query } = splitTarget(url);
  const route = routeOf(path);
  const reference = route === undefined ? undefined : referenceOf(route);
  const digest = [reference, ...queryDigests(query)].find((text) => text !== undefined && isDigest(text));
  return {
    operation: path === TOKEN_PATH ? 'token' : operationOf(route, method),
    method,
    path,
    query,
    ...(route !== undefined && 'repo' in route && route.repo !== undefined ? { repository: route.repo } : {}),
    ...(reference === undefined ? {} : { reference }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function operationOf(route: Route | undefined, method: string): Operation {
  const names: Readonly<Record<string, Readonly<Record<string, Operation>>>> = OPERATIONS;
  return names[route?.kind ?? '']?.[method === 'HEAD' ? 'GET' : method] ?? 'other';
}

function routeOf(path: string): Route | undefined {
  try {
    return matchRoute(checkPath(path));
  } catch {
    // The registry refuses such a path; here it is only nothing that has a name.
    return undefined;
  }
}

function referenceOf(route: Route): string | undefined {
  if ('digest' in route) return route.digest;
  if ('reference' in route) return route.reference;
  return 'id' in route ? route.id : undefined;
}

function queryDigests(query: string): string[] {
  if (query === '') return [];
  const parameters = new URLSearchParams(query);
  return [...parameters.getAll('digest'), ...parameters.getAll('mount')];
}
