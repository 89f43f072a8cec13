import { MEDIA_TYPES } from '../oci/index.js';
import { digestFrom, json, repositoryOf, type Call } from './call.js';
import { nextLink, parsePage } from './pagination.js';
import type { ReferrerPage } from './storage/referrers.js';

/** GET of referrers (distribution-spec, "Listing Referrers", end-12a and 12b). Never 404: nothing known is an empty list. */
export async function listReferrers(
  call: Call,
  target: { readonly repo: string; readonly digest: string },
): Promise<Response> {
  const repo = repositoryOf(call, target.repo);
  const digest = digestFrom(call, target.digest);
  const artifactType = call.query.get('artifactType') ?? undefined;
  const page = parsePage(call.query);
  const { manifests, next }: ReferrerPage =
    page.n === 0
      ? { manifests: [] }
      : await call.store.referrers.list(repo, digest, {
          ...(artifactType === undefined ? {} : { artifactType }),
          ...(page.last === undefined ? {} : { after: page.last }),
          ...(page.n === undefined ? {} : { limit: page.n }),
        });
  const filter = artifactType === undefined ? {} : { artifactType };
  return json(
    call,
    { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests },
    {
      'content-type': MEDIA_TYPES.ociIndex,
      ...(artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' }),
      ...(next === undefined
        ? {}
        : { link: nextLink(`/v2/${repo}/referrers/${digest}`, page, next, filter) }),
    },
  );
}
