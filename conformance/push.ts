import { MEDIA_TYPES, digestOf, type Descriptor, type DigestAlgorithm } from '../oci/index.js';
import { describeBytes, type Pushable } from './content.js';
import { expectEqual, expectLocation, expectStatus } from './expect.js';
import type { Exchange, Http } from './http.js';
import type { TestContext } from './test-case.js';
import { withQuery, type WireBody } from './wire.js';

const OCTETS = { 'content-type': 'application/octet-stream' } as const;

/** Every manifest type there is, in the order clients name them. */
export const ACCEPT_ALL: string = [
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.dockerManifest,
  MEDIA_TYPES.dockerManifestList,
  '*/*',
].join(', ');

export const blobPath = (repository: string, digest: string): string => `/v2/${repository}/blobs/${digest}`;
export const manifestPath = (repository: string, reference: string): string =>
  `/v2/${repository}/manifests/${reference}`;
export const uploadsPath = (repository: string): string => `/v2/${repository}/blobs/uploads/`;
export const tagsPath = (repository: string): string => `/v2/${repository}/tags/list`;
export const referrersPath = (repository: string, digest: string): string =>
  `/v2/${repository}/referrers/${digest}`;

/** An open upload session. */
export interface Upload {
  readonly location: string;
  /** The answer that opened it. */
  readonly opened: Exchange;
  /** `OCI-Chunk-Min-Length`, 0 when the registry has none. */
  readonly minimum: number;
}

/** Opens an upload session. */
export async function openUpload(http: Http, repository: string): Promise<Upload> {
  const opened = expectStatus(await http.send('POST', uploadsPath(repository)), 202);
  return {
    location: expectLocation(opened),
    opened,
    minimum: Number(opened.headers.get('oci-chunk-min-length') ?? 0),
  };
}

/** Sends one chunk with its `Content-Range`; `first` is the offset it claims. */
export function sendChunk(http: Http, location: string, chunk: Uint8Array, first: number): Promise<Exchange> {
  return http.send('PATCH', location, { headers: chunkHeaders(chunk, first), body: chunk });
}

/** Sends bytes without saying where they belong, as most clients stream. */
export function sendStream(http: Http, location: string, body: WireBody): Promise<Exchange> {
  return http.send('PATCH', location, { headers: OCTETS, body });
}

/** Closes a session, with the last chunk when there is one. */
export function closeUpload(
  http: Http,
  location: string,
  digest: string,
  last?: { readonly chunk: Uint8Array; readonly first: number },
): Promise<Exchange> {
  const target = withQuery(location, { digest });
  if (last === undefined) return http.send('PUT', target);
  return http.send('PUT', target, { headers: chunkHeaders(last.chunk, last.first), body: last.chunk });
}

/** Closes a session with the whole blob, without a range. */
export function putWhole(http: Http, location: string, digest: string, body: WireBody): Promise<Exchange> {
  return http.send('PUT', withQuery(location, { digest }), { headers: OCTETS, body });
}

function chunkHeaders(chunk: Uint8Array, first: number): Record<string, string> {
  return { ...OCTETS, 'content-range': `${first}-${first + chunk.byteLength - 1}` };
}

/** Where the next request of a session goes: the latest `Location`. */
export function nextLocation(exchange: Exchange, before: string): string {
  return exchange.location ?? before;
}

/** Pushes a blob by POST and PUT. */
export async function pushBlob(
  http: Http,
  repository: string,
  bytes: Uint8Array,
  options: { readonly algorithm?: DigestAlgorithm; readonly mediaType?: string } = {},
): Promise<Descriptor> {
  const digest = digestOf(bytes, options.algorithm);
  const { location } = await openUpload(http, repository);
  expectStatus(await putWhole(http, location, digest, bytes), 201);
  return describeBytes(options.mediaType ?? MEDIA_TYPES.ociLayerGzip, bytes, options.algorithm);
}

/** Sends a manifest; `reference` is its digest unless a tag is named. */
export function sendManifest(
  http: Http,
  repository: string,
  manifest: Pushable,
  reference: string = manifest.descriptor.digest,
  headers: Readonly<Record<string, string>> = {},
): Promise<Exchange> {
  return http.send('PUT', manifestPath(repository, reference), {
    headers: { 'content-type': manifest.descriptor.mediaType, ...headers },
    body: manifest.bytes,
  });
}

/** Sends a manifest that must be taken. */
export async function pushManifest(
  http: Http,
  repository: string,
  manifest: Pushable,
  reference?: string,
): Promise<Exchange> {
  return expectStatus(await sendManifest(http, repository, manifest, reference), 201);
}

/** Reads or heads a manifest with an `Accept` for everything. */
export function getManifest(
  http: Http,
  repository: string,
  reference: string,
  method: 'GET' | 'HEAD' = 'GET',
): Promise<Exchange> {
  return http.send(method, manifestPath(repository, reference), { headers: { accept: ACCEPT_ALL } });
}

/** What a blob or a manifest must be after it was taken: the answer's `Location` serves it. */
export async function expectServed(context: TestContext, taken: Exchange, bytes: Uint8Array): Promise<void> {
  const served = await context.http.send('GET', expectLocation(taken), { headers: { accept: ACCEPT_ALL } });
  expectStatus(served, 200);
  expectEqual(served, 'the digest of what Location serves', digestOf(served.body), digestOf(bytes));
}
