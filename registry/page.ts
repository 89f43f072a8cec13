import { OciError, isOciError, parseRepository } from '../oci/index.js';
import type { Access, Principal } from './access/access.js';
import { Challenge, type Caller } from './access/authorize.js';
import { POLICY, renderPage, type PageModel, type ShownRepository } from './page-view.js';
import type { Store } from './storage/store.js';

/** What the page is made of. */
export interface PageRequest {
  readonly store: Store;
  readonly access: Access;
  readonly caller: Caller;
  readonly query: URLSearchParams;
}

const REPOSITORIES = 50;
/** Tags of each repository, when many are shown. */
const FEW_TAGS = 10;
/** Tags of a repository that is shown alone. */
const MANY_TAGS = 500;

/**
 * A page for people who point a browser at the registry: what the caller may pull, and how.
 * @throws Challenge when nothing may be seen without a password; OciError `NAME_INVALID`, `NAME_UNKNOWN`
 */
export async function getPage(page: PageRequest): Promise<Response> {
  const principal = await identify(page);
  const last = page.query.get('last') ?? undefined;
  const name = page.query.get('repository');
  const found =
    name === null ? await listRepositories(page, principal, last) : await one(page, principal, name, last);
  const { origin } = page.caller;
  const anonymous = !page.access.open && principal.name === undefined;
  const body = await renderPage({
    ...found,
    host: origin.slice(origin.indexOf('://') + 3),
    ...(name === null && last === undefined ? {} : { home: '/' }),
    ...(principal.name === undefined ? {} : { user: principal.name }),
    ...(anonymous ? { signIn: '/?sign-in' } : {}),
  });
  return new Response(body, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      vary: 'Accept, Authorization',
    },
  });
}

/** Browsers ask for a password on a Basic challenge only, which is the one that `admin` gets. */
async function identify({ access, caller, query }: PageRequest): Promise<Principal> {
  const challenge = (message: string): Challenge =>
    new Challenge(message, access.challenge(caller.origin, { kind: 'admin' }));
  const principal = await caller.identify().catch((error: unknown) => {
    throw isOciError(error, 'UNAUTHORIZED') ? challenge(error.message) : error;
  });
  const wanted = query.has('sign-in') && principal.name === undefined && !access.open;
  if (wanted || !access.mayList(principal)) throw challenge('authentication is required');
  return principal;
}

type Found = Pick<PageModel, 'repositories' | 'next'>;

async function listRepositories(page: PageRequest, principal: Principal, last?: string): Promise<Found> {
  const repositories: ShownRepository[] = [];
  for await (const name of page.store.repositories.list(last)) {
    if (!page.access.allows(principal, 'pull', name)) continue;
    const shown = repositories.at(-1);
    if (shown !== undefined && repositories.length === REPOSITORIES)
      return { repositories, next: `/?${new URLSearchParams({ last: shown.name }).toString()}` };
    repositories.push(await show(page.store, name, FEW_TAGS));
  }
  return { repositories };
}

async function one(page: PageRequest, principal: Principal, text: string, last?: string): Promise<Found> {
  const name = parseRepository(text);
  const visible = page.access.allows(principal, 'pull', name) && (await page.store.repositories.exists(name));
  if (!visible) throw new OciError('NAME_UNKNOWN', `repository ${name} is not known`, { detail: { name } });
  return { repositories: [await show(page.store, name, MANY_TAGS, last)] };
}

async function show(store: Store, name: string, limit: number, last?: string): Promise<ShownRepository> {
  const found = await store.tags.list(name, {
    limit: limit + 1,
    ...(last === undefined ? {} : { after: last }),
  });
  const tags = found.slice(0, limit);
  if (found.length <= limit) return { name, tags };
  const more = new URLSearchParams({ repository: name, last: tags.at(-1) ?? '' });
  return { name, tags, more: `/?${more.toString()}` };
}
