import { type ByteStream, type CallOptions, type Descriptor } from '../../oci/index.js';
import type { Source } from '../../image/media.js';
import { responseDetail } from '../errors.js';
import type { RetryOptions } from '../layers/retry.js';
import { download, type Ask } from './download.js';
import type { RemoteRepository } from './repository.js';

/** How a remote repository is read. */
export interface RemoteSourceOptions {
  /** How often and after what waits a blob that broke off is gone on with. Default: as requests are sent again. */
  readonly retry?: RetryOptions;
  /** Told what went another way than planned, in a sentence. */
  readonly onNotice?: (notice: string) => void;
}

/**
 * A remote repository to read from. A blob that breaks off is gone on with by range, from the registry itself, which may
 * redirect elsewhere this time. Layers that a registry does not have are asked for at the URLs of their descriptor.
 *
 * ```ts
 * const source = remoteSource(new RemoteRepository(client.transport, parseReference('quay.io/team/app')));
 * ```
 */
export function remoteSource(repository: RemoteRepository, options: RemoteSourceOptions = {}): Source {
  const { registry, repository: path } = repository;
  const { retry, onNotice } = options;
  const told = new Set<string>();
  // Referrers are asked for manifest by manifest, and what is amiss is amiss for all.
  const tellOnce = (notice: string): void => {
    if (told.has(notice)) return;
    told.add(notice);
    onNotice?.(notice);
  };
  return {
    name: `${registry}/${path}`,
    origin: { registry, repository: path },
    resolve: (reference, call) => repository.resolve(reference, call),
    manifest: async ({ digest }, call) => (await repository.manifest(digest, call)).bytes,
    blob: (descriptor, { range, ...call } = {}) =>
      somewhere(repository, descriptor, (ask) =>
        download(ask(call), {
          what: repository.name('blob', descriptor.digest),
          size: descriptor.size,
          ...(range === undefined ? {} : { range }),
          ...(retry === undefined ? {} : { retry }),
          ...call,
        }),
      ),
    tags: (call) => repository.tags(call),
    referrers: (digest, call) => repository.referrers(digest, { ...call, onNotice: tellOnce }),
  };
}

/** Reads from the registry; where that has nothing, from the URLs of the descriptor, as they stand there. */
async function somewhere(
  repository: RemoteRepository,
  { digest, urls = [] }: Descriptor,
  read: (ask: (call: CallOptions) => Ask) => Promise<ByteStream>,
): Promise<ByteStream> {
  try {
    return await read((call) => (asked) => repository.getBlob(digest, { ...call, ...asked }));
  } catch (error) {
    if (responseDetail(error)?.status !== 404 || urls.length === 0) throw error;
  }
  let failure: unknown;
  for (const url of urls) {
    try {
      return await read((call) => (asked) => repository.getForeign(url, digest, { ...call, ...asked }));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
