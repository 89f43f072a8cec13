import {
  MANIFEST_LIMIT,
  MEDIA_TYPES,
  OciError,
  algorithmOf,
  baseMediaType,
  collect,
  digestOf,
  isDigest,
  isManifestType,
  parseManifest,
  referrersTag,
  streamOf,
  verified,
  parseJson,
  parseRepository,
  type CallOptions,
  type Descriptor,
  type Digest,
  type DigestAlgorithm,
} from '../../oci/index.js';
import { responseDetail } from '../errors.js';
import type { Transport, TransportResponse } from '../transport.js';
import { Endpoint } from './endpoint.js';
import { pages, sizeQuery, textsOf, type ListOptions } from './pages.js';
import { descriptorsOf, isMissing, uselessBecause } from './referrers.js';
import { Uploads } from './uploads.js';

const ACCEPT = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerManifestList,
  MEDIA_TYPES.dockerManifest,
  '*/*;q=0.1',
].join(', ');

/** A manifest as a registry gave it. */
export interface RemoteManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** What `ifMatch` of `putManifest` takes. */
  readonly etag?: string;
}

/** How something is read. */
export interface ReadOptions extends CallOptions {
  /** True: for somebody who goes on to write, and is spared a second token. Default false. */
  readonly forPush?: boolean;
}

/** How the answer that a blob comes with is asked for. */
export interface GetBlobOptions extends CallOptions {
  /** `range` and the like. */
  readonly headers?: Readonly<Record<string, string>>;
  /** True: it waits in no line of `limit`. Default false. */
  readonly aside?: boolean;
}

/** How a manifest is put. */
export interface PutOptions extends CallOptions {
  /** Only if this entity tag is still current; `null`: only if there is nothing yet. Default: in any case. */
  readonly ifMatch?: string | null;
  /** With a digest: tags that it gets in the same request, where the registry can do so (distribution-spec, `?tag=`). */
  readonly tags?: readonly string[];
}

/** How referrers are asked for. */
export interface ReferrersOptions extends CallOptions {
  /** Only those of this type. */
  readonly artifactType?: string;
  /** Told what went another way than planned, in a sentence. */
  readonly onNotice?: (notice: string) => void;
}

/** What a registry said when it took a manifest. */
export interface PutAnswer {
  /** Of the bytes that were put. */
  readonly digest: Digest;
  /** The subject, when the registry lists its referrers from now on (distribution-spec, `OCI-Subject`). */
  readonly subject?: string;
  /** Those of the `tags` that were asked for that the registry says it has set. */
  readonly tags?: readonly string[];
}

/** A repository of a registry, over a transport. No ping comes before anything. */
export class RemoteRepository {
  readonly registry: string;
  readonly repository: string;
  /** Uploads of blobs, step by step; `remoteSink` takes the steps. */
  readonly uploads: Uploads;
  readonly #endpoint: Endpoint;
  readonly #pull: readonly string[];
  readonly #push: readonly string[];

  /** @throws OciError `NAME_INVALID` */
  constructor(transport: Transport, place: { readonly registry: string; readonly repository: string }) {
    this.registry = place.registry;
    this.repository = parseRepository(place.repository);
    this.#endpoint = new Endpoint(transport, place.registry, place.repository);
    this.#pull = [`repository:${place.repository}:pull`];
    this.#push = [`repository:${place.repository}:pull,push`];
    this.uploads = new Uploads(this.#endpoint, this.repository);
  }

  /**
   * A manifest by tag or digest, checked against the digest that was asked for or that came with it.
   * @throws OciError `MANIFEST_UNKNOWN`, `DIGEST_MISMATCH`, `SIZE_LIMIT`, and what the registry answers
   */
  async manifest(reference: string, options: CallOptions = {}): Promise<RemoteManifest> {
    const what = this.name('manifest', reference);
    const response = await this.#endpoint.call({
      ...this.#manifestCall('GET', reference, this.#pull),
      headers: { accept: ACCEPT },
      accept: [200],
      whole: MANIFEST_LIMIT,
      ...options,
    });
    const bytes = await collect(response.body, MANIFEST_LIMIT, what);
    const named = isDigest(reference) ? reference : response.header('docker-content-digest');
    const digest = named !== undefined && isDigest(named) ? named : digestOf(bytes);
    await collect(verified(streamOf(bytes), digest, undefined, what), MANIFEST_LIMIT, what);
    const mediaType = typeOf(bytes, response.header('content-type'));
    const etag = response.header('etag');
    return {
      descriptor: { mediaType, digest, size: bytes.byteLength },
      bytes,
      ...(etag === undefined ? {} : { etag }),
    };
  }

  /**
   * What a tag or digest names, without its bytes; undefined when there is none.
   * @throws OciError of the registry's answer; `UNKNOWN` when the registry tells no digest for a tag
   */
  async resolve(
    reference: string,
    { forPush = false, ...options }: ReadOptions = {},
  ): Promise<Descriptor | undefined> {
    const response = await this.#endpoint.call({
      ...this.#manifestCall('HEAD', reference, forPush ? this.#push : this.#pull),
      headers: { accept: ACCEPT },
      accept: [200, 404],
      ...options,
    });
    await response.discard();
    if (response.status === 404) return undefined;
    const digest = isDigest(reference) ? reference : (response.header('docker-content-digest') ?? '');
    const size = Number(response.header('content-length') ?? 0);
    const mediaType = baseMediaType(response.header('content-type') ?? '');
    if (isDigest(digest) && Number.isSafeInteger(size) && size > 0 && isManifestType(mediaType))
      return { mediaType, digest, size };
    // Some registries leave out one or the other, or say 0 of the head itself.
    return (await this.manifest(reference, options)).descriptor;
  }

  /**
   * Puts a manifest under a tag or its digest.
   * @throws OciError of the registry's answer, `PRECONDITION_FAILED` among them; `DIGEST_MISMATCH` when the registry has
   *   taken in something else
   */
  async putManifest(
    reference: string,
    { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Uint8Array },
    { ifMatch, tags = [], ...options }: PutOptions = {},
  ): Promise<PutAnswer> {
    const condition = ifMatch === null ? { 'if-none-match': '*' } : { 'if-match': ifMatch };
    const call = this.#manifestCall('PUT', reference, this.#push);
    const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
    const response = await this.#endpoint.call({
      ...call,
      path: query === '' ? call.path : `${call.path}?${query}`,
      headers: { 'content-type': mediaType, ...(ifMatch === undefined ? {} : (condition as object)) },
      body: { length: bytes.byteLength, open: () => streamOf(bytes) },
      accept: [200, 201, 202],
      ...options,
    });
    await response.discard();
    const subject = response.header('oci-subject');
    const set = (response.header('oci-tag') ?? '').split(',').map((tag) => tag.trim());
    return {
      digest: checkTaken(reference, bytes, response, this.name('manifest', reference)),
      ...(subject === undefined ? {} : { subject }),
      ...(tags.length === 0 ? {} : { tags: tags.filter((tag) => set.includes(tag)) }),
    };
  }

  /** Deletes a manifest by digest, or a tag. Throws OciError of the registry's answer. */
  async deleteManifest(reference: string, options: CallOptions = {}): Promise<void> {
    const scopes = [`repository:${this.repository}:pull,push,delete`];
    const call = { ...this.#manifestCall('DELETE', reference, scopes), accept: [200, 202, 204], ...options };
    await (await this.#endpoint.call(call)).discard();
  }

  /**
   * The answer that a blob comes with, for who reads on from where it breaks off.
   * @returns of status 200 or 206; its bytes are not checked
   * @throws OciError `BLOB_UNKNOWN` and what the registry answers
   */
  async getBlob(
    digest: Digest,
    { headers = {}, ...options }: GetBlobOptions = {},
  ): Promise<TransportResponse> {
    const call = { ...this.#blobCall('GET', digest, this.#pull), headers, accept: [200, 206], ...options };
    return await this.#endpoint.call(call);
  }

  /**
   * As `getBlob`, from a URL that a descriptor names, with nobody's credentials.
   * @throws OciError `DENIED` for a URL that is no place for content, `BLOB_UNKNOWN`, and what is answered there
   */
  async getForeign(url: string, digest: Digest, options: GetBlobOptions = {}): Promise<TransportResponse> {
    const what = this.name('blob', digest);
    return await this.#endpoint.outside(url, { what, notFound: 'BLOB_UNKNOWN', ...options });
  }

  /** The size of a blob in bytes; undefined when there is none. Throws OciError of the registry's answer. */
  async blobSize(
    digest: Digest,
    { forPush = false, ...options }: ReadOptions = {},
  ): Promise<number | undefined> {
    const scopes = forPush ? this.#push : this.#pull;
    const call = { ...this.#blobCall('HEAD', digest, scopes), accept: [200, 404], ...options };
    const response = await this.#endpoint.call(call);
    await response.discard();
    return response.status === 404 ? undefined : Number(response.header('content-length') ?? 0);
  }

  /** Deletes a blob. Throws OciError of the registry's answer. */
  async deleteBlob(digest: Digest, options: CallOptions = {}): Promise<void> {
    const scopes = [`repository:${this.repository}:pull,push,delete`];
    const call = { ...this.#blobCall('DELETE', digest, scopes), accept: [200, 202, 204], ...options };
    await (await this.#endpoint.call(call)).discard();
  }

  /** The tags, in the registry's order. Throws OciError of the registry's answer. */
  async *tags({ pageSize, ...options }: ListOptions = {}): AsyncGenerator<string> {
    const path = `/v2/${this.repository}/tags/list${sizeQuery(pageSize)}`;
    const list = {
      path,
      scopes: this.#pull,
      what: `tags of ${this.registry}/${this.repository}`,
      ...options,
    };
    for await (const page of pages(this.#endpoint, list)) yield* textsOf(page.tags);
  }

  /**
   * The first page of the list of tags as the registry gives it: some say more of their manifests there.
   * @throws OciError of the registry's answer
   */
  async tagsPage(options: CallOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    const path = `/v2/${this.repository}/tags/list`;
    const list = {
      path,
      scopes: this.#pull,
      what: `tags of ${this.registry}/${this.repository}`,
      ...options,
    };
    for await (const page of pages(this.#endpoint, list)) return page;
    return {};
  }

  /**
   * What refers to a manifest, by the referrers API, or by the tag that stands in where the registry has none
   * (distribution-spec, "Listing Referrers"), or none that is of use.
   * @param options.onNotice told when the registry has the API and refuses it
   * @throws OciError of the registry's answer, `MANIFEST_INVALID`
   */
  async *referrers(
    digest: Digest,
    { artifactType, onNotice, ...options }: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType }).toString()}`;
    const path = `/v2/${this.repository}/referrers/${digest}${query}`;
    const list = { path, scopes: this.#pull, what: this.name('referrers', digest), ...options };
    let began = false;
    try {
      for await (const page of pages(this.#endpoint, list)) {
        const found = [...descriptorsOf(page, artifactType)];
        began = true;
        yield* found;
      }
    } catch (error) {
      const why = uselessBecause(error);
      if (began || (why === undefined && !isMissing(error))) throw error;
      if (why !== undefined)
        onNotice?.(
          `${this.registry} ${why} where referrers are asked for: looked for the tags that stand in`,
        );
      const index = await this.manifest(referrersTag(digest), options).catch((reason: unknown) => {
        // Who may not see referrers may not see this tag either, whether or not it is there.
        const denied = why !== undefined && [401, 403].includes(responseDetail(reason)?.status ?? 0);
        if (denied || isMissing(reason)) return undefined;
        throw reason;
      });
      if (index !== undefined) yield* descriptorsOf(parseJson(index.bytes, list.what), artifactType);
    }
  }

  /** What messages call something of this repository. */
  name(kind: 'blob' | 'manifest' | 'referrers', reference: string): string {
    return `${kind} ${this.registry}/${this.repository}${isDigest(reference) ? '@' : ':'}${reference}`;
  }

  #manifestCall(method: string, reference: string, scopes: readonly string[]) {
    const path = `/v2/${this.repository}/manifests/${reference}`;
    return {
      method,
      path,
      scopes,
      what: this.name('manifest', reference),
      notFound: 'MANIFEST_UNKNOWN',
    } as const;
  }

  #blobCall(method: string, digest: Digest, scopes: readonly string[]) {
    const path = `/v2/${this.repository}/blobs/${digest}`;
    return { method, path, scopes, what: this.name('blob', digest), notFound: 'BLOB_UNKNOWN' } as const;
  }
}

/** The type of a manifest: what the registry says, or what the bytes show where that is none of a manifest. */
function typeOf(bytes: Uint8Array, told: string | undefined): string {
  const type = baseMediaType(told ?? '');
  if (isManifestType(type)) return type;
  try {
    return parseManifest(bytes).mediaType;
  } catch {
    return type;
  }
}

/** The digest of what was put; what the registry calls it must be the same, if it is of the same algorithm. */
function checkTaken(reference: string, bytes: Uint8Array, response: TransportResponse, what: string): Digest {
  const told = response.header('docker-content-digest') ?? '';
  const named = isDigest(reference) ? reference : undefined;
  const of = (algorithm: DigestAlgorithm): Digest => digestOf(bytes, algorithm);
  const ours = named ?? of('sha256');
  if (isDigest(told) && told !== of(algorithmOf(told)))
    throw new OciError('DIGEST_MISMATCH', `${what}: sent ${ours}, and the registry took in ${told}`, {
      detail: { expected: ours, received: told },
    });
  return ours;
}
