import { setImmediate } from 'node:timers/promises';
import { describe as describeContent, digestOf, encodeJson, MEDIA_TYPES } from '../../oci/index.js';
import type { Descriptor, Digest, DigestAlgorithm } from '../../oci/index.js';
import { createRegistry, listen, type Registry, type RegistryOptions } from '../../registry/index.js';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** The body as JSON. */
  readonly json: <T = unknown>() => T;
  /** Codes of the error envelope. */
  readonly codes: () => string[];
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
}

/** A registry under test, and one way to call it. */
export interface Site {
  readonly registry: Registry;
  /** Scheme and host that requests are sent to. */
  readonly url: string;
  ask(method: string, path: string, init?: Ask): Promise<Answer>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type Way = 'fetch' | 'socket';

/** The two ways a request comes in: a call of a function, and a socket. */
export const WAYS: readonly Way[] = ['fetch', 'socket'];

/** A registry, in memory unless the options say otherwise. What is wrong inside fails the test that meets it. */
export async function open(options: RegistryOptions = {}, way: Way = 'fetch'): Promise<Site> {
  const failures: unknown[] = [];
  const registry = await createRegistry({ onError: (error) => void failures.push(error), ...options });
  const server = way === 'socket' ? await listen(registry, { port: 0, grace: 0, linger: 100 }) : undefined;
  const url = server?.url ?? 'http://registry.test';
  return {
    registry,
    url,
    async ask(method, path, init = {}) {
      const request = new Request(url + path, {
        method,
        redirect: 'manual',
        ...(init.headers === undefined ? {} : { headers: init.headers }),
        ...(init.body === undefined ? {} : { body: init.body as ReadableStream<Uint8Array>, duplex: 'half' }),
      });
      return await answerOf(await (server === undefined ? registry.fetch(request) : fetch(request)));
    },
    async [Symbol.asyncDispose]() {
      await server?.close();
      await registry.close();
      if (failures.length > 0) throw new AggregateError(failures, 'the registry failed');
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const json = <T>(): T => JSON.parse(bytes.toString()) as T;
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    json,
    codes: () =>
      bytes.byteLength === 0 ? [] : json<{ errors: { code: string }[] }>().errors.map(({ code }) => code),
  };
}

/** Content and its name. */
export interface Blob {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

export function blobOf(content: string | Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Blob {
  const bytes = Buffer.from(content);
  return { bytes, digest: digestOf(bytes, algorithm) };
}

/** Bytes that differ everywhere, the same on each run. */
export function patterned(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

/** Uploads a blob in one POST. */
export async function pushBlob(site: Site, repo: string, content: string | Uint8Array): Promise<Blob> {
  const blob = blobOf(content);
  const { status } = await site.ask('POST', `/v2/${repo}/blobs/uploads/?digest=${blob.digest}`, {
    body: blob.bytes,
  });
  if (status !== 201) throw new Error(`blob was not taken: ${status}`);
  return blob;
}

/** Opens an upload; returns the path of its session. */
export async function startUpload(site: Site, repo: string, query = ''): Promise<string> {
  const answer = await site.ask('POST', `/v2/${repo}/blobs/uploads/${query}`);
  if (answer.status !== 202) throw new Error(`upload was not opened: ${answer.status}`);
  return answer.headers.get('location') ?? '';
}

/** A manifest: its document, bytes, type and digest. */
export interface Document extends Blob {
  readonly mediaType: string;
  readonly descriptor: Descriptor;
}

/** A document as it would be pushed. */
export function documentOf(document: Readonly<Record<string, unknown>>): Document {
  const mediaType = String(document.mediaType);
  const bytes = encodeJson({ schemaVersion: 2, ...document });
  const descriptor = describeContent(mediaType, bytes);
  return { bytes, digest: descriptor.digest, mediaType, descriptor };
}

export const EMPTY = describeContent(MEDIA_TYPES.ociEmpty, Buffer.from('{}'));

/** An image of the empty config and no layers, told apart by its annotations. */
export function imageOf(extra: Readonly<Record<string, unknown>> = {}): Document {
  return documentOf({ mediaType: MEDIA_TYPES.ociManifest, config: EMPTY, layers: [], ...extra });
}

export function indexOf(
  manifests: readonly unknown[],
  extra: Readonly<Record<string, unknown>> = {},
): Document {
  return documentOf({ mediaType: MEDIA_TYPES.ociIndex, manifests, ...extra });
}

/** Puts a manifest, and the empty config that `imageOf` names. */
export async function pushManifest(
  site: Site,
  repo: string,
  reference: string,
  document: Document = imageOf(),
): Promise<Answer> {
  await pushBlob(site, repo, '{}');
  const answer = await site.ask('PUT', `/v2/${repo}/manifests/${reference}`, {
    headers: { 'content-type': document.mediaType },
    body: document.bytes,
  });
  if (answer.status !== 201) throw new Error(`manifest was not taken: ${answer.bytes.toString()}`);
  return answer;
}

/** A promise and what settles it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Lets the event loop turn until something is so; the limit of the test ends it otherwise. */
export async function eventually(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await setImmediate();
}
