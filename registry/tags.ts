import { OciError } from '../oci/index.js';
import { json, repositoryOf, type Call } from './call.js';
import { nextLink, pageSize, parsePage } from './pagination.js';

/** GET of a tag list (distribution-spec, "Listing Tags", end-8). */
export async function listTags(call: Call, target: { readonly repo: string }): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  const page = parsePage(call.query);
  const limit = pageSize(page);
  if (!(await call.store.repositories.exists(repo))) {
    throw new OciError('NAME_UNKNOWN', `repository ${repo} is not known`, { detail: { name: repo } });
  }
  // One more than asked for tells whether there is a next page.
  const found =
    limit === 0
      ? []
      : await call.store.tags.list(repo, {
          limit: limit + 1,
          ...(page.last === undefined ? {} : { after: page.last }),
        });
  const tags = found.slice(0, limit);
  const last = tags.at(-1);
  const more = found.length > limit && last !== undefined;
  return json(
    call,
    { name: repo, tags },
    more ? { link: nextLink(`/v2/${repo}/tags/list`, page, last) } : {},
  );
}
