import { describe, expect, it, onTestFinished } from 'vitest';
import * as client from '../../client/index.js';
import {
  describe as described,
  digestOf,
  streamOf,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { USERS, clientOf, counting, listOf, repositoryOf } from './site.js';

const REASON = new Error('enough');
const BYTES = Buffer.from('content');
const BLOB: Descriptor = described('application/octet-stream', BYTES);
const MANIFEST: Descriptor = described('application/vnd.oci.image.manifest.v1+json', BYTES);
const OTHER = digestOf('other');

/** What a call has to do with. */
interface Place {
  readonly registry: TestRegistry;
  readonly repository: client.RemoteRepository;
  readonly transport: client.Transport;
}

type Work = (place: Place, call: CallOptions) => Promise<unknown>;

/** Everything of the door that asks a registry. */
const WORK: Readonly<Record<string, Work>> = {
  catalog: ({ transport, registry }, call) => listOf(client.catalog(transport, registry.host, call)),
  exchangeToken: ({ transport, registry }, call) =>
    client.exchangeToken(transport, { registry: registry.host }, { scopes: [], ...call }),
  registryFetch: ({ registry, transport }, { signal }) =>
    client.registryFetch({ transport })(`${registry.url}/v2/team/app/tags/list`, signal ? { signal } : {}),
  'manifest of a repository': ({ repository }, call) => repository.manifest('v1', call),
  'resolve of a repository': ({ repository }, call) => repository.resolve('v1', call),
  'putManifest of a repository': ({ repository }, call) =>
    repository.putManifest('v1', { mediaType: MANIFEST.mediaType, bytes: BYTES }, call),
  'deleteManifest of a repository': ({ repository }, call) => repository.deleteManifest('v1', call),
  'getBlob of a repository': ({ repository }, call) => repository.getBlob(BLOB.digest, call),
  'blobSize of a repository': ({ repository }, call) => repository.blobSize(BLOB.digest, call),
  'deleteBlob of a repository': ({ repository }, call) => repository.deleteBlob(BLOB.digest, call),
  'tags of a repository': ({ repository }, call) => listOf(repository.tags(call)),
  'tagsPage of a repository': ({ repository }, call) => repository.tagsPage(call),
  'referrers of a repository': ({ repository }, call) => listOf(repository.referrers(BLOB.digest, call)),
  'start of an upload': ({ repository }, call) => repository.uploads.start(BLOB.digest, call),
  'whole of an upload': ({ repository }, call) => repository.uploads.whole(BLOB.digest, piece(), call),
  'status of an upload': ({ repository, registry }, call) =>
    repository.uploads.status(BLOB.digest, upload(registry), call),
  'append of an upload': ({ repository, registry }, call) =>
    repository.uploads.append(BLOB.digest, upload(registry), piece(), call),
  'finish of an upload': ({ repository, registry }, call) =>
    repository.uploads.finish(BLOB.digest, upload(registry), piece(), call),
  'cancel of an upload': ({ repository, registry }, call) =>
    repository.uploads.cancel(BLOB.digest, upload(registry), call),
  'resolve of a source': ({ repository }, call) => client.remoteSource(repository).resolve('v1', call),
  'manifest of a source': ({ repository }, call) => client.remoteSource(repository).manifest(MANIFEST, call),
  'blob of a source': ({ repository }, call) => client.remoteSource(repository).blob(BLOB, call),
  'hasBlob of a sink': ({ repository }, call) => client.remoteSink(repository).hasBlob(BLOB, call),
  'hasManifest of a sink': ({ repository }, call) =>
    client.remoteSink(repository).hasManifest(MANIFEST, call),
  'resolve of a sink': ({ repository }, call) => client.remoteSink(repository).resolve('v1', call),
  'putBlob of a sink': ({ repository }, call) =>
    client.remoteSink(repository).putBlob({ descriptor: BLOB, open: async () => streamOf(BYTES) }, call),
  'mounted putBlob of a sink': ({ repository, registry }, call) =>
    client
      .remoteSink(repository)
      .putBlob(
        { descriptor: { ...BLOB, digest: OTHER }, open: async () => streamOf(BYTES) },
        { ...call, from: [{ registry: registry.host, repository: 'team/base' }] },
      ),
  'putManifest of a sink': ({ repository }, call) =>
    client.remoteSink(repository).putManifest(MANIFEST, BYTES, { tags: ['v1'], ...call }),
};

const piece = (): client.Piece => ({ start: 0, length: BYTES.byteLength, open: () => streamOf(BYTES) });
const upload = ({ host }: TestRegistry): string => `http://${host}/v2/team/app/blobs/uploads/1`;

/** Methods of the classes of the door that ask nobody. */
const SILENT = new Set(['constructor', 'name']);

describe('a signal', () => {
  it.each(Object.entries(WORK))(
    'ends it at a silent registry, and no line is left standing: %s',
    async (_, work) => {
      const registry = await startRegistry({ access: { mode: 'bearer', users: USERS } });
      onTestFinished(() => registry.close());
      registry.faults.add({ fault: { kind: 'stall' } });
      await using own = clientOf(registry, { socket: true, perHost: 1, keychain: counting() });
      const place = {
        registry,
        repository: repositoryOf(registry, 'team/app', own),
        transport: own.transport,
      };
      for (const when of ['first', 'again']) {
        const stop = new AbortController();
        registry.requests.clear();
        const silent = registry.requests.waitFor({ faulted: true });
        const ended = expect(work(place, { signal: stop.signal }), when).rejects.toBe(REASON);
        await silent;
        stop.abort(REASON);
        await ended;
      }
      await expect(work(place, { signal: AbortSignal.abort(REASON) })).rejects.toBe(REASON);
    },
  );

  it('is tried with every method of a repository and its uploads', () => {
    const methods = (of: object, what: string): string[] =>
      Object.getOwnPropertyNames(of)
        .filter((name) => !SILENT.has(name) && name !== 'getForeign')
        .map((name) => `${name} of ${what}`);
    const named = [
      ...methods(client.RemoteRepository.prototype, 'a repository'),
      ...methods(client.Uploads.prototype, 'an upload'),
    ];
    expect(named.filter((name) => !(name in WORK))).toEqual([]);
  });
});
