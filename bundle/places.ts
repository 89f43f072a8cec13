import {
  OciError,
  formatReference,
  quote,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Reference,
} from '../oci/index.js';
import { responseDetail, remoteSource, type RemoteRepository } from '../client/index.js';
import type { Source } from '../image/media.js';
import { SmallCache, cachedSource, type CachedSource } from './cached-source.js';

/** Where a repository is. */
export interface Place {
  readonly registry: string;
  readonly repository: string;
}

/** Opens a repository as references name it: which credentials, mirrors and connections it takes is known behind it. */
export type OpenRepository = (place: Place) => RemoteRepository;

/** A manifest that was found, and where. */
export interface Found {
  readonly place: Place;
  readonly descriptor: Descriptor;
  /** The repository, to read on from. */
  readonly source: Source;
}

/** Where bundles and what they list are looked for: registries, or an archive. */
export type Finder = Pick<Places, 'find' | 'get' | 'has'>;

/** Repositories that are read from, each opened once. What was read of manifests and configs is not asked for again. */
export class Places {
  readonly #open: OpenRepository;
  readonly #cache = new SmallCache();
  readonly #sources = new Map<
    string,
    { readonly repository: RemoteRepository; readonly source: CachedSource }
  >();

  constructor(open: OpenRepository) {
    this.#open = open;
  }

  /** A repository to read from. */
  source(place: Place): Source {
    return this.#at(place).source;
  }

  /** A repository. */
  repository(place: Place): RemoteRepository {
    return this.#at(place).repository;
  }

  /**
   * What a tag or a digest leads to; undefined when there is none, or nobody may know.
   * @throws OciError of any other answer
   */
  async find(place: Place, reference: string, options: CallOptions = {}): Promise<Found | undefined> {
    try {
      return await this.get(place, reference, options);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /**
   * What a tag or a digest leads to, with its manifest read already.
   * @throws OciError `MANIFEST_UNKNOWN` and what the registry answers
   */
  async get(place: Place, reference: string, options: CallOptions = {}): Promise<Found> {
    const { repository, source } = this.#at(place);
    const { descriptor, bytes } = await repository.manifest(reference, options);
    source.remember(descriptor.digest, bytes);
    return { place: { registry: place.registry, repository: place.repository }, descriptor, source };
  }

  /** Whether a digest is there. Throws OciError of answers that are neither yes nor no. */
  async has(place: Place, digest: Digest, options: CallOptions = {}): Promise<boolean> {
    try {
      return (await this.#at(place).repository.resolve(digest, options)) !== undefined;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  #at(place: Place): { readonly repository: RemoteRepository; readonly source: CachedSource } {
    const key = `${place.registry}/${place.repository}`;
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const repository = this.#open(place);
    const opened = { repository, source: cachedSource(remoteSource(repository), this.#cache) };
    this.#sources.set(key, opened);
    return opened;
  }
}

/**
 * What somebody asked for.
 * @throws OciError `MANIFEST_UNKNOWN` and what the registry answers
 */
export async function fetchWanted(places: Finder, wanted: Reference, options: CallOptions): Promise<Found> {
  try {
    return await places.get(wanted, wanted.digest ?? wanted.tag ?? 'latest', options);
  } catch (cause) {
    if (!(cause instanceof OciError)) throw cause;
    const message = `Fetching image ${quote(formatReference(wanted))}: ${cause.message}`;
    throw new OciError(cause.code, message, { cause, detail: cause.detail });
  }
}

/** What registries say of what is not there, or is nobody's business. */
function isAbsent(error: unknown): boolean {
  const status = responseDetail(error)?.status;
  return status === 404 || status === 401 || status === 403;
}
