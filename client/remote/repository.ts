import {
  MANIFEST_LIMIT,
  MEDIA_TYPES,
  OciError,
  baseMediaType,
  collect,
  digestOf,
  isDigest,
  parseDescriptor,
  referrersTag,
  streamOf,
  verified,
  isOciError,
  isObject,
  parseJson,
  parseRepository,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { responseDetail } from '../errors.js';
import type { RequestBody, Transport, TransportResponse } from '../transport.js';
import { Endpoint } from './endpoint.js';
import { pages, textsOf } from './pages.js';

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
}

/** How a list is asked for. */
export interface ListOptions extends CallOptions {
  /** Entries on one page. Default: as the registry likes. */
  readonly pageSize?: number;
}

const sizeQuery = (size: number | undefined): string => (size === undefined ? '' : `?n=${size}`);

/** A repository of a registry, over a transport. No ping comes before anything. */
export class RemoteRepository {
  readonly registry: string;
  readonly repository: string;
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
  }

  /**
   * A manifest by tag or digest, checked against the digest that was asked for or that came with it.
   * @throws OciError `MANIFEST_UNKNOWN`, `DIGEST_MISMATCH`, `SIZE_LIMIT`, and what the registry answers
   */
  async manifest(reference: string, options: CallOptions = {}): Promise<RemoteManifest> {
    const what = this.#name('manifest', reference);
    const response = await this.#endpoint.call({
      ...this.#manifestCall('GET', reference, this.#pull),
      headers: { accept: ACCEPT },
      accept: [200],
      ...options,
    });
    const bytes = await collect(response.body, MANIFEST_LIMIT, what);
    const named = isDigest(reference) ? reference : response.header('docker-content-digest');
    const digest = named !== undefined && isDigest(named) ? named : digestOf(bytes);
    await collect(verified(streamOf(bytes), digest, undefined, what), MANIFEST_LIMIT, what);
    const mediaType = baseMediaType(response.header('content-type') ?? '');
    return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
  }

  /**
   * What a tag or digest names, without its bytes; undefined when there is none.
   * @throws OciError of the registry's answer; `UNKNOWN` when the registry tells no digest for a tag
   */
  async resolve(reference: string, options: CallOptions = {}): Promise<Descriptor | undefined> {
    const response = await this.#endpoint.call({
      ...this.#manifestCall('HEAD', reference, this.#pull),
      headers: { accept: ACCEPT },
      accept: [200, 404],
      ...options,
    });
    await response.discard();
    if (response.status === 404) return undefined;
    const digest = isDigest(reference) ? reference : (response.header('docker-content-digest') ?? '');
    const size = Number(response.header('content-length'));
    if (isDigest(digest) && Number.isSafeInteger(size) && response.header('content-length') !== undefined)
      return { mediaType: baseMediaType(response.header('content-type') ?? ''), digest, size };
    // Some registries leave out one or the other.
    return (await this.manifest(reference, options)).descriptor;
  }

  /**
   * Puts a manifest under a tag or its digest.
   * @returns its digest
   * @throws OciError of the registry's answer
   */
  async putManifest(
    reference: string,
    { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Uint8Array },
    options: CallOptions = {},
  ): Promise<Digest> {
    const response = await this.#endpoint.call({
      ...this.#manifestCall('PUT', reference, this.#push),
      headers: { 'content-type': mediaType },
      body: { length: bytes.byteLength, open: () => streamOf(bytes) },
      accept: [200, 201, 202],
      ...options,
    });
    await response.discard();
    return isDigest(reference) ? reference : digestOf(bytes);
  }

  /** Deletes a manifest by digest, or a tag. Throws OciError of the registry's answer. */
  async deleteManifest(reference: string, options: CallOptions = {}): Promise<void> {
    const scopes = [`repository:${this.repository}:pull,push,delete`];
    const call = { ...this.#manifestCall('DELETE', reference, scopes), accept: [200, 202, 204], ...options };
    await (await this.#endpoint.call(call)).discard();
  }

  /**
   * The bytes of a blob, checked to their end.
   * @param blob its size is checked when it is given
   * @throws OciError `BLOB_UNKNOWN` and what the registry answers; while it is read `DIGEST_MISMATCH`, `NETWORK`
   */
  async blob(
    blob: { readonly digest: Digest; readonly size?: number },
    options: CallOptions = {},
  ): Promise<ByteStream> {
    const call = { ...this.#blobCall('GET', blob.digest, this.#pull), accept: [200], ...options };
    const response = await this.#endpoint.call(call);
    return verified(response.body, blob.digest, blob.size, this.#name('blob', blob.digest));
  }

  /** The size of a blob in bytes; undefined when there is none. Throws OciError of the registry's answer. */
  async blobSize(digest: Digest, options: CallOptions = {}): Promise<number | undefined> {
    const call = { ...this.#blobCall('HEAD', digest, this.#pull), accept: [200, 404], ...options };
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

  /**
   * Puts a blob there, if it is not: mounted from another repository of the registry if that has it, else sent whole.
   * @param body of exactly `size` bytes
   * @param from a repository that may have it
   * @throws OciError of the registry's answer; what the body throws
   */
  async putBlob(
    { digest, size }: { readonly digest: Digest; readonly size: number },
    body: RequestBody,
    { from, ...options }: CallOptions & { readonly from?: string } = {},
  ): Promise<'present' | 'mounted' | 'sent'> {
    if ((await this.blobSize(digest, options)) !== undefined) return 'present';
    const started = await this.#start(digest, from, options);
    if (started.status === 201) return 'mounted';
    const target = started.header('location');
    const what = this.#name('blob', digest);
    if (target === undefined)
      throw new OciError('UNKNOWN', `${what}: ${this.registry} began an upload and does not say where`);
    const location = this.#endpoint.lead(started, target);
    try {
      const done = await this.#endpoint.call({
        method: 'PUT',
        // The query may be signed, and stays as it is.
        path: `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`,
        headers: { 'content-type': 'application/octet-stream' },
        body: { length: size, open: () => body.open() },
        scopes: this.#push,
        accept: [201, 204],
        what,
        ...options,
      });
      await done.discard();
    } catch (error) {
      // An answer that was lost may have been good: then the upload is over, and sent again it is not known.
      const over = isOciError(error, 'BLOB_UPLOAD_UNKNOWN');
      if (!over || (await this.blobSize(digest, options)) === undefined) throw error;
    }
    return 'sent';
  }

  /** Begins an upload, which ends at once where the blob can be mounted. */
  async #start(digest: Digest, from: string | undefined, options: CallOptions): Promise<TransportResponse> {
    const mount = from === undefined ? '' : `?${new URLSearchParams({ mount: digest, from }).toString()}`;
    try {
      const started = await this.#endpoint.call({
        method: 'POST',
        path: `/v2/${this.repository}/blobs/uploads/${mount}`,
        scopes: from === undefined ? this.#push : [...this.#push, `repository:${from}:pull`],
        accept: [201, 202],
        what: this.#name('blob', digest),
        ...options,
      });
      await started.discard();
      return started;
    } catch (error) {
      // Some registries refuse a mount that they cannot do, instead of starting an upload.
      const refused = responseDetail(error) !== undefined && from !== undefined;
      if (!refused) throw error;
      return await this.#start(digest, undefined, options);
    }
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
   * What refers to a manifest, by the referrers API, or by the tag that stands in where the registry has none
   * (distribution-spec, "Listing Referrers").
   * @throws OciError of the registry's answer, `MANIFEST_INVALID`
   */
  async *referrers(
    digest: Digest,
    { artifactType, ...options }: CallOptions & { readonly artifactType?: string } = {},
  ): AsyncGenerator<Descriptor> {
    const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType }).toString()}`;
    const path = `/v2/${this.repository}/referrers/${digest}${query}`;
    const list = { path, scopes: this.#pull, what: this.#name('referrers', digest), ...options };
    try {
      for await (const page of pages(this.#endpoint, list)) yield* descriptorsOf(page, artifactType);
    } catch (error) {
      if (!isMissing(error)) throw error;
      const index = await this.manifest(referrersTag(digest), options).catch((reason: unknown) => {
        if (isMissing(reason)) return undefined;
        throw reason;
      });
      if (index !== undefined) yield* descriptorsOf(parseJson(index.bytes, list.what), artifactType);
    }
  }

  #name(kind: string, reference: string): string {
    return `${kind} ${this.registry}/${this.repository}${isDigest(reference) ? '@' : ':'}${reference}`;
  }

  #manifestCall(method: string, reference: string, scopes: readonly string[]) {
    const path = `/v2/${this.repository}/manifests/${reference}`;
    return {
      method,
      path,
      scopes,
      what: this.#name('manifest', reference),
      notFound: 'MANIFEST_UNKNOWN',
    } as const;
  }

  #blobCall(method: string, digest: Digest, scopes: readonly string[]) {
    const path = `/v2/${this.repository}/blobs/${digest}`;
    return { method, path, scopes, what: this.#name('blob', digest), notFound: 'BLOB_UNKNOWN' } as const;
  }
}

/** True for the answer of a registry that does not have what was asked for, or does not know the question. */
function isMissing(error: unknown): boolean {
  if (!isOciError(error) || !isObject(error.detail)) return false;
  return [400, 404, 405, 406].includes(error.detail.status as number);
}

function* descriptorsOf(page: unknown, artifactType: string | undefined): Generator<Descriptor> {
  const entries = isObject(page) ? page.manifests : undefined;
  if (!Array.isArray(entries))
    throw new OciError('MANIFEST_INVALID', 'referrers: the answer has no manifests');
  for (const [at, entry] of entries.entries()) {
    const descriptor = parseDescriptor(entry, `manifests[${at}]`);
    if (artifactType === undefined || descriptor.artifactType === artifactType) yield descriptor;
  }
}

/** The repositories of a registry, in its order. Throws OciError of the registry's answer. */
export async function* catalog(
  transport: Transport,
  registry: string,
  { pageSize, ...options }: ListOptions = {},
): AsyncGenerator<string> {
  const list = {
    path: `/v2/_catalog${sizeQuery(pageSize)}`,
    scopes: ['registry:catalog:*'],
    what: `catalog of ${registry}`,
    ...options,
  };
  for await (const page of pages(new Endpoint(transport, registry), list)) yield* textsOf(page.repositories);
}
