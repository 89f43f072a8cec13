import { OciError, isDigest, streamOf, type Descriptor, type Digest } from '../oci/index.js';
import type { Sink, Source } from '../image/media.js';
import type { Store } from './storage/store.js';

/** Tags asked for at once. */
const PAGE = 1000;

/** A repository of a store to read from, past HTTP and access control. */
export function storeSource(store: Store, repository: string): Source {
  return {
    name: repository,
    origin: originOf(store, repository),
    resolve: (reference) => resolve(store, repository, reference),
    manifest: ({ digest }) => manifestBytes(store, repository, digest),
    async blob({ digest }, { range } = {}) {
      const facts = await store.blobs.stat(repository, digest);
      const whole = { start: 0, end: (facts?.size ?? 0) - 1 };
      const found = facts === undefined ? undefined : await store.blobs.open(digest, facts, range ?? whole);
      if (found === undefined)
        throw new OciError('BLOB_UNKNOWN', `blob ${digest} is not in ${repository}`, { detail: { digest } });
      return ArrayBuffer.isView(found) ? streamOf(found) : found;
    },
    async *tags() {
      for (let after: string | undefined; ;) {
        const page = await store.tags.list(repository, {
          limit: PAGE,
          ...(after === undefined ? {} : { after }),
        });
        yield* page;
        after = page.at(-1);
        if (page.length < PAGE) return;
      }
    },
    async *referrers(digest) {
      for (let after: string | undefined; ;) {
        const page = await store.referrers.list(repository, digest, after === undefined ? {} : { after });
        yield* page.manifests;
        after = page.next;
        if (after === undefined) return;
      }
    },
  };
}

/** A repository of a store to write to. Blobs of other repositories of the store are linked, not copied. */
export function storeSink(store: Store, repository: string): Sink {
  const origin = originOf(store, repository);
  return {
    name: repository,
    origin,
    hasManifest: async ({ digest }) => (await store.manifests.get(repository, digest)) !== undefined,
    hasBlob: async ({ digest }) => (await store.blobs.stat(repository, digest)) !== undefined,
    resolve: (reference) => resolve(store, repository, reference),
    manifest: ({ digest }) => manifestBytes(store, repository, digest),
    async putBlob(blob, { from = [], signal, onProgress } = {}) {
      const { descriptor } = blob;
      if ((await store.blobs.stat(repository, descriptor.digest)) !== undefined) return 'present';
      for (const other of from) {
        if (other.registry !== origin.registry) continue;
        const there = await store.blobs.stat(other.repository, descriptor.digest);
        if (there !== undefined && (await store.blobs.link(repository, descriptor.digest))) return 'mounted';
      }
      const body = await blob.open(signal === undefined ? {} : { signal });
      await store.uploads.put(repository, descriptor.digest, counted(body, descriptor, onProgress), {
        length: descriptor.size,
      });
      return 'sent';
    },
    async putManifest({ digest, mediaType }, bytes, { tags = [] } = {}) {
      await store.manifests.put(repository, { bytes, contentType: mediaType, digest, tags });
    },
  };
}

/** Throws OciError `MANIFEST_UNKNOWN`. */
async function manifestBytes(store: Store, repository: string, digest: Digest): Promise<Uint8Array> {
  const manifest = await store.manifests.get(repository, digest);
  if (manifest !== undefined) return manifest.bytes;
  throw new OciError('MANIFEST_UNKNOWN', `manifest ${digest} is not in ${repository}`, {
    detail: { digest },
  });
}

/** Stores have no host: each stands for itself. */
const stores = new WeakMap<Store, string>();
let count = 0;

function originOf(store: Store, repository: string): { registry: string; repository: string } {
  const registry = stores.get(store) ?? `store-${++count}.invalid`;
  stores.set(store, registry);
  return { registry, repository };
}

async function resolve(store: Store, repository: string, reference: string): Promise<Descriptor | undefined> {
  const digest: Digest | undefined = isDigest(reference)
    ? reference
    : (await store.tags.get(repository, reference))?.digest;
  const manifest = digest === undefined ? undefined : await store.manifests.get(repository, digest);
  if (digest === undefined || manifest === undefined) return undefined;
  return { mediaType: manifest.mediaType, digest, size: manifest.bytes.byteLength };
}

async function* counted(
  body: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  onProgress: NonNullable<Parameters<Sink['putBlob']>[1]>['onProgress'],
): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of body) {
    yield chunk;
    sent += chunk.byteLength;
    onProgress?.({ type: 'bytes', descriptor, sent });
  }
}
