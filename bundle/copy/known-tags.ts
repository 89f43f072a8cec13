import type { CallOptions, Digest } from '../../oci/index.js';
import { responseDetail, type RemoteRepository } from '../../client/index.js';
import type { Sink } from '../../image/media.js';

/** More tags are not listed: each is asked for by its name instead. */
const READ_AT_MOST = 10_000;
const PAGE = 1000;

/**
 * A sink that lists the repository's tags once, and then asks for nothing that the list shows not to be there. What the
 * list does show is asked for all the same: a tag may stand for something else.
 * @param tagOf the tag that a copy gives to a digest
 */
export function withKnownTags(
  sink: Sink,
  repository: RemoteRepository,
  tagOf: (digest: Digest) => string | undefined,
): Sink {
  let listed: Promise<ReadonlySet<string> | undefined> | undefined;
  const known = (options: CallOptions): Promise<ReadonlySet<string> | undefined> =>
    (listed ??= listTags(repository, options));
  const resolve: Sink['resolve'] = async (reference, options = {}) => {
    const tags = reference.includes(':') ? undefined : await known(options);
    return tags?.has(reference) === false ? undefined : await sink.resolve(reference, options);
  };
  return {
    ...sink,
    resolve,
    async hasManifest(descriptor, options = {}) {
      const tag = tagOf(descriptor.digest);
      if (tag !== undefined) return (await resolve(tag, options))?.digest === descriptor.digest;
      const tags = await known(options);
      return tags?.size === 0 ? false : await sink.hasManifest(descriptor, options);
    },
  };
}

/** The tags; none for a repository that is not there; undefined when they cannot be listed, or are too many. */
async function listTags(
  repository: RemoteRepository,
  options: CallOptions,
): Promise<ReadonlySet<string> | undefined> {
  const tags = new Set<string>();
  try {
    for await (const tag of repository.tags({ pageSize: PAGE, ...options })) {
      tags.add(tag);
      if (tags.size > READ_AT_MOST) return undefined;
    }
    return tags;
  } catch (error) {
    const status = responseDetail(error)?.status;
    if (status === undefined) throw error;
    return status === 404 ? tags : undefined;
  }
}
