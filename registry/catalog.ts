import { json, type Call } from './call.js';
import { nextLink, pageSize, parsePage } from './pagination.js';

/** GET of the catalog: repositories that the caller may pull from, in byte order. */
export async function getCatalog(call: Call): Promise<Response> {
  const page = parsePage(call.query);
  const limit = pageSize(page);
  const repositories: string[] = [];
  let more = false;
  if (limit > 0) {
    for await (const name of call.store.repositories.list(page.last)) {
      if (!call.access.allows(call.principal, 'pull', name)) continue;
      more = repositories.length === limit;
      if (more) break;
      repositories.push(name);
    }
  }
  const last = repositories.at(-1);
  return json(
    call,
    { repositories },
    more && last !== undefined ? { link: nextLink('/v2/_catalog', page, last) } : {},
  );
}
