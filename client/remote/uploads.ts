import { OciError, isOciError, type ByteStream, type CallOptions, type Digest } from '../../oci/index.js';
import { responseDetail } from '../errors.js';
import type { TransportResponse } from '../transport.js';
import type { Endpoint } from './endpoint.js';
import { receivedOf } from './positions.js';

/** Where an upload stands. */
export interface UploadState {
  /** A URL that may hold state of the registry: to be used as it is, and to be kept secret. */
  readonly location: string;
  /** Bytes that the registry has, if it says so. */
  readonly received?: number;
  /** The shortest piece that the registry likes, in bytes (distribution-spec, `OCI-Chunk-Min-Length`). */
  readonly least?: number;
}

/** Bytes of a blob from a position on. */
export interface Piece {
  readonly start: number;
  readonly length: number;
  readonly open: () => ByteStream;
}

const OCTETS = 'application/octet-stream';

/**
 * The steps of an upload (distribution-spec, "Pushing blobs"). Those that send bytes are sent once: a registry may have
 * kept some of what broke off, so whoever goes on asks first. The errors are those of the registry's answers.
 */
export class Uploads {
  readonly #endpoint: Endpoint;
  readonly #repository: string;
  readonly #push: readonly string[];

  constructor(endpoint: Endpoint, repository: string) {
    this.#endpoint = endpoint;
    this.#repository = repository;
    this.#push = [`repository:${repository}:pull,push`];
  }

  /** Opens an upload. */
  async start(digest: Digest, options?: CallOptions & { readonly from?: undefined }): Promise<UploadState>;
  /** Mounts the blob from a repository that has it; else the registry opens an upload. */
  async start(
    digest: Digest,
    options: CallOptions & { readonly from: string },
  ): Promise<UploadState | 'mounted'>;
  async start(
    digest: Digest,
    { from, ...options }: CallOptions & { readonly from?: string | undefined } = {},
  ): Promise<UploadState | 'mounted'> {
    const mount = from === undefined ? '' : `?${new URLSearchParams({ mount: digest, from }).toString()}`;
    const response = await this.#endpoint.call({
      method: 'POST',
      path: `/v2/${this.#repository}/blobs/uploads/${mount}`,
      scopes: from === undefined ? this.#push : [...this.#push, `repository:${from}:pull`],
      accept: from === undefined ? [202] : [201, 202],
      what: this.#what(digest),
      ...options,
    });
    await response.discard();
    return response.status === 201 ? 'mounted' : this.#state(response, digest);
  }

  /**
   * Sends a small blob in the one request that opens its upload (distribution-spec, "Single POST"). Registries that do not
   * know this open an upload only.
   */
  async whole(
    digest: Digest,
    { length, open }: Piece,
    options: CallOptions = {},
  ): Promise<UploadState | 'sent'> {
    const response = await this.#endpoint.call({
      method: 'POST',
      path: `/v2/${this.#repository}/blobs/uploads/?${new URLSearchParams({ digest }).toString()}`,
      scopes: this.#push,
      headers: { 'content-type': OCTETS },
      body: { length, open },
      accept: [201, 202],
      what: this.#what(digest),
      ...options,
    });
    await response.discard();
    return response.status === 201 ? 'sent' : this.#state(response, digest);
  }

  /** Where an upload stands; undefined when the registry does not know it, or not any more. */
  async status(
    digest: Digest,
    location: string,
    options: CallOptions = {},
  ): Promise<UploadState | undefined> {
    try {
      const response = await this.#step('GET', digest, location, { accept: [200, 202, 204], ...options });
      return this.#state(response, digest, location);
    } catch (error) {
      if (isForgotten(error)) return undefined;
      throw error;
    }
  }

  /** Adds a piece; it names its place, so that none is taken twice. */
  async append(
    digest: Digest,
    location: string,
    { start, length, open }: Piece,
    options: CallOptions = {},
  ): Promise<UploadState> {
    const response = await this.#step('PATCH', digest, location, {
      headers: { 'content-type': OCTETS, 'content-range': `${start}-${start + length - 1}` },
      body: { length, open },
      retry: false,
      // 201 and 204 are what older registries say.
      accept: [201, 202, 204],
      ...options,
    });
    return this.#state(response, digest, location);
  }

  /** Ends an upload with the bytes that are missing. */
  async finish(
    digest: Digest,
    location: string,
    { start, length, open }: Piece,
    options: CallOptions = {},
  ): Promise<void> {
    const range = start > 0 && length > 0 ? { 'content-range': `${start}-${start + length - 1}` } : {};
    await this.#step('PUT', digest, closing(location, digest), {
      headers: { 'content-type': OCTETS, ...range },
      body: { length, open },
      retry: false,
      accept: [200, 201, 204],
      ...options,
    });
  }

  /** Gives an upload up. That a registry cannot do so is no failure: uploads end by themselves. */
  async cancel(digest: Digest, location: string, options: CallOptions = {}): Promise<void> {
    const accept = [200, 202, 204];
    await this.#step('DELETE', digest, location, { accept, retry: false, ...options }).catch(
      (error: unknown) => {
        if (!isOciError(error)) throw error;
      },
    );
  }

  async #step(
    method: string,
    digest: Digest,
    path: string,
    rest: Pick<Parameters<Endpoint['call']>[0], 'accept' | 'body' | 'headers' | 'retry' | 'signal'>,
  ): Promise<TransportResponse> {
    const response = await this.#endpoint.call({
      method,
      path,
      scopes: this.#push,
      what: this.#what(digest),
      notFound: 'BLOB_UPLOAD_UNKNOWN',
      ...rest,
    });
    await response.discard();
    return response;
  }

  /** @param before where the answer comes from, which need not say where it goes on */
  #state(response: TransportResponse, digest: Digest, before?: string): UploadState {
    const target = response.header('location');
    if (target === undefined && before === undefined)
      throw new OciError('UNKNOWN', `${this.#what(digest)}: an upload began, and it is not said where`);
    const location = target === undefined ? (before as string) : this.#endpoint.lead(response, target);
    const received = receivedOf(response.header('range'));
    const least = Number(response.header('oci-chunk-min-length') ?? '');
    return {
      location,
      ...(received === undefined ? {} : { received }),
      ...(Number.isSafeInteger(least) && least > 0 ? { least } : {}),
    };
  }

  #what(digest: Digest): string {
    return `blob ${this.#endpoint.registry}/${this.#repository}@${digest}`;
  }
}

/** The query may be signed, and stays as it is. */
function closing(location: string, digest: Digest): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

/** True for an answer about an upload that there is no use in asking for again. */
function isForgotten(error: unknown): boolean {
  const status = responseDetail(error)?.status;
  return status !== undefined && status >= 400 && status < 500 && ![401, 408, 429, 499].includes(status);
}
