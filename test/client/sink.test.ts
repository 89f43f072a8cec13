import { describe, expect, it } from 'vitest';
import {
  MEDIA_TYPES,
  OciError,
  describe as descriptorOf,
  digestOf,
  encodeJson,
  parseJson,
  referrersTag,
  streamOf,
  type Blob,
  type Progress,
} from '../../oci/index.js';
import type { Origin } from '../../image/media.js';
import { blobOf } from '../../image/read.js';
import { RemoteRepository, remoteSink, remoteSource, type RemoteSinkOptions } from '../../client/index.js';
import type { Transport } from '../../client/transport.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { startRegistry, type FaultRule, type TestRegistry } from '../../testing/index.js';
import { bytesOf, putBlob } from '../helpers/content.js';
import { AT_ONCE, blobIn, clientOf, listOf, repositoryOf } from './site.js';

const BYTES = bytesOf('sink', 50_000);
const SMALL = bytesOf('small', 5000);
const CHUNK = 16_000;

const sinkOf = (registry: TestRegistry, options: RemoteSinkOptions = {}, repository = 'team/app') =>
  remoteSink(repositoryOf(registry, repository), { chunkSize: CHUNK, retry: AT_ONCE, ...options });

/** What the registry was asked, as `POST 202`. */
const asked = (registry: TestRegistry): string[] =>
  [...registry.requests].map(({ method, status }) => `${method} ${status}`);

const ranges = (registry: TestRegistry): (string | undefined)[] =>
  registry.requests
    .filter({ method: ['PATCH', 'PUT'] })
    .map(({ headers }) => headers['content-range'] ?? `all ${headers['content-length']}`);

async function expectStored(
  registry: TestRegistry,
  bytes: Uint8Array,
  repository = 'team/app',
): Promise<void> {
  const response = await registry.registry.fetch(
    new Request(`${registry.url}/v2/${repository}/blobs/${digestOf(bytes)}`),
  );
  expect([response.status, digestOf(Buffer.from(await response.arrayBuffer()))]).toEqual([
    200,
    digestOf(bytes),
  ]);
}

describe('putBlob asks no more than it must', () => {
  it('one piece: HEAD, POST, PUT', async () => {
    await using registry = await startRegistry({ socket: false });
    const events: Progress[] = [];
    const blob = blobIn(SMALL);
    const onProgress = (event: Progress): number => events.push(event);
    expect(await sinkOf(registry).putBlob(blob, { onProgress })).toBe('sent');
    expect(asked(registry)).toEqual(['HEAD 404', 'POST 202', 'PUT 201']);
    expect(blob.opened).toEqual([0]);
    expect(events).toEqual(
      [1000, 2000, 3000, 4000, 5000].map((sent) => ({ type: 'bytes', descriptor: blob.descriptor, sent })),
    );
    await expectStored(registry, SMALL);
    registry.requests.clear();
    expect(await sinkOf(registry).putBlob(blob)).toBe('present');
    expect(asked(registry)).toEqual(['HEAD 200']);
  });

  it('several pieces, read from one stream', async () => {
    await using registry = await startRegistry({ socket: false });
    const blob = blobIn(BYTES);
    expect(await sinkOf(registry).putBlob(blob)).toBe('sent');
    expect(ranges(registry)).toEqual(['0-15999', '16000-31999', '32000-47999', '48000-49999', 'all 0']);
    expect(blob.opened).toEqual([0]);
    await expectStored(registry, BYTES);
  });

  it('nothing at all of an empty blob', async () => {
    await using registry = await startRegistry({ socket: false });
    expect(await sinkOf(registry).putBlob(blobIn(new Uint8Array(0)))).toBe('sent');
    await expectStored(registry, new Uint8Array(0));
  });

  it('a mount: POST alone; where the origin lacks it, the upload that was opened is used', async () => {
    await using registry = await startRegistry({ socket: false });
    await putBlob(registry.registry.store, 'team/base', SMALL);
    const origin = (repository: string, host = registry.host): Origin => ({ registry: host, repository });
    const from = [origin('team/base', 'other.example'), origin('team/app'), origin('team/base')];
    expect(await sinkOf(registry).putBlob(blobIn(SMALL), { from })).toBe('mounted');
    expect(asked(registry)).toEqual(['POST 201']);
    registry.requests.clear();
    const none = [origin('team/none'), origin('team/base')];
    expect(await sinkOf(registry, {}, 'team/b').putBlob(blobIn(SMALL), { from: none })).toBe('sent');
    expect(asked(registry)).toEqual(['POST 202', 'PUT 201']);
  });

  it('a large blob: a second origin is cheap', async () => {
    await using registry = await startRegistry({ socket: false });
    const large = bytesOf('large', 1_100_000);
    await putBlob(registry.registry.store, 'team/base', large);
    const from = ['team/none', 'team/base'].map((repository) => ({ registry: registry.host, repository }));
    expect(await sinkOf(registry).putBlob(blobIn(large), { from })).toBe('mounted');
    expect(asked(registry)).toEqual(['POST 202', 'POST 201', 'DELETE 204']);
  });

  it('a mount that is refused: as if there were none', async () => {
    await using registry = await startRegistry({ socket: false });
    registry.faults.add({ times: 1, fault: { kind: 'status', status: 403 } });
    const from = [{ registry: registry.host, repository: 'team/base' }];
    expect(await sinkOf(registry).putBlob(blobIn(SMALL), { from })).toBe('sent');
    expect(asked(registry)).toEqual(['POST 403', 'HEAD 404', 'POST 202', 'PUT 201']);
  });

  it('403 is what some say of what is not there', async () => {
    await using registry = await startRegistry({ socket: false });
    registry.faults.add({ match: { method: 'HEAD' }, fault: { kind: 'status', status: 403 } });
    const sink = sinkOf(registry);
    expect(await sink.hasBlob(blobIn(SMALL).descriptor)).toBe(false);
    expect(await sink.hasManifest(blobIn(SMALL).descriptor)).toBe(false);
    expect(await sink.resolve('v1')).toBeUndefined();
    expect(await sink.putBlob(blobIn(SMALL))).toBe('sent');
  });

  it('one token for looking and writing', async () => {
    await using registry = await startRegistry({
      access: { mode: 'bearer', users: { alice: 'wonderland' } },
    });
    const keychain = {
      resolve: () =>
        Promise.resolve({ kind: 'password', username: 'alice', password: 'wonderland' } as const),
    };
    await using client = clientOf(registry, { socket: true, keychain });
    const sink = remoteSink(repositoryOf(registry, 'team/app', client));
    await sink.hasManifest(blobIn(SMALL).descriptor);
    await sink.putBlob(blobIn(SMALL));
    expect(registry.requests.count({ operation: 'token' })).toBe(1);
  });
});

describe.each([false, true])('an upload that breaks off, over a socket: %s', (socket) => {
  const put = { operation: 'upload.finish' } as const;
  const patch = { operation: 'upload.append' } as const;
  it.each<[string, number, FaultRule]>([
    ['whole, cut', SMALL.length, { match: put, fault: { kind: 'reset', of: 'request', after: 2500 } }],
    ['whole, reset', SMALL.length, { match: put, fault: { kind: 'reset' } }],
    ['whole, answer lost', SMALL.length, { match: put, fault: { kind: 'reset', handled: true } }],
    ['whole, 503', SMALL.length, { match: put, fault: { kind: 'status', status: 503 } }],
    ['whole, 503 after', SMALL.length, { match: put, fault: { kind: 'status', status: 503, handled: true } }],
    ['whole, 429', SMALL.length, { match: put, fault: { kind: 'status', status: 429, retryAfter: 7 } }],
    [
      'pieces, cut',
      BYTES.length,
      { match: patch, skip: 1, fault: { kind: 'reset', of: 'request', after: 2500 } },
    ],
    ['pieces, reset', BYTES.length, { match: patch, skip: 2, fault: { kind: 'reset' } }],
    ['pieces, answer lost', BYTES.length, { match: patch, skip: 1, fault: { kind: 'reset', handled: true } }],
    ['pieces, first 502', BYTES.length, { match: patch, fault: { kind: 'status', status: 502 } }],
    ['pieces, end lost', BYTES.length, { match: put, fault: { kind: 'reset', handled: true } }],
    ['pieces, end cut', BYTES.length, { match: put, fault: { kind: 'status', status: 500 } }],
    [
      'opening',
      SMALL.length,
      { match: { operation: 'upload.start' }, fault: { kind: 'status', status: 504 } },
    ],
    ['look', SMALL.length, { match: { method: 'HEAD' }, fault: { kind: 'reset' } }],
  ])('ends with the right bytes: %s', async (_, size, rule) => {
    await using registry = await startRegistry({ socket });
    registry.faults.add({ ...rule, times: 1 });
    await using client = clientOf(registry, { socket });
    const bytes = size === SMALL.length ? SMALL : BYTES;
    const waits: number[] = [];
    const retry = {
      random: () => 0,
      sleep: (time: number): Promise<void> => {
        waits.push(time);
        return Promise.resolve();
      },
    };
    const repository = repositoryOf(registry, 'team/app', client);
    const notices: string[] = [];
    const sink = remoteSink(repository, { chunkSize: CHUNK, retry, onNotice: (text) => notices.push(text) });
    expect(await sink.putBlob(blobIn(bytes))).toBe('sent');
    await expectStored(registry, bytes);
    expect(registry.requests.count({ faulted: true })).toBe(1);
    expect(notices).toEqual([]);
    const wait = 'retryAfter' in rule.fault ? 7000 : 500;
    const ours = rule.match === put || rule.match === patch;
    expect(waits).toEqual(ours ? [wait] : []);
  });
});

describe('an upload that is gone on with', () => {
  it('sends only what the registry does not have', async () => {
    await using registry = await startRegistry({ socket: false });
    registry.faults.add({
      match: { operation: 'upload.append' },
      skip: 1,
      times: 1,
      fault: { kind: 'reset', of: 'request', after: 4000 },
    });
    const blob = blobIn(BYTES);
    await sinkOf(registry).putBlob(blob);
    expect(ranges(registry)).toEqual(['0-15999', '16000-31999', '20000-35999', '36000-49999', 'all 0']);
    expect(blob.opened).toEqual([0, 20_000]);
  });

  it('ends after several failures in a row, and gives the upload up when it must not be gone on with', async () => {
    await using registry = await startRegistry({ socket: false });
    registry.faults.add({ match: { operation: 'upload.append' }, fault: { kind: 'status', status: 503 } });
    await expect(
      sinkOf(registry, { retry: { ...AT_ONCE, attempts: 3 } }).putBlob(blobIn(BYTES)),
    ).rejects.toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(registry.requests.count({ operation: 'upload.append' })).toBe(3);
  });

  it('begins anew, with a notice, when the registry has lost it', async () => {
    await using registry = await startRegistry({ socket: false });
    const lost = {
      kind: 'status',
      status: 404,
      body: { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN' }] },
    } as const;
    registry.faults.add({ match: { operation: 'upload.append' }, skip: 1, times: 1, fault: lost });
    const notices: string[] = [];
    const blob = blobIn(BYTES);
    expect(await sinkOf(registry, { onNotice: (text) => notices.push(text) }).putBlob(blob)).toBe('sent');
    await expectStored(registry, BYTES);
    expect(notices).toEqual([expect.stringContaining('has lost what was uploaded before')]);
    registry.faults.clear();
    registry.faults.add({ match: { operation: 'upload.append' }, fault: lost });
    await expect(sinkOf(registry, {}, 'team/b').putBlob(blob)).rejects.toThrow(
      expect.objectContaining({ code: 'BLOB_UPLOAD_UNKNOWN' }),
    );
    expect(registry.requests.count({ operation: 'upload.append', repository: 'team/b' })).toBe(4);
  });

  it.each([400, 405, 416])('sends the blob whole where pieces are refused with %i', async (status) => {
    await using registry = await startRegistry({ socket: false });
    registry.faults.add({ match: { operation: 'upload.append' }, fault: { kind: 'status', status } });
    const notices: string[] = [];
    const sink = sinkOf(registry, { onNotice: (text) => notices.push(text) });
    await sink.putBlob(blobIn(BYTES));
    expect(notices).toHaveLength(1);
    const other = bytesOf('other', 40_000);
    await sink.putBlob(blobIn(other));
    expect(ranges(registry)).toEqual(['0-15999', 'all 50000', 'all 40000']);
    await expectStored(registry, BYTES);
    await expectStored(registry, other);
  });

  it('sends smaller pieces where a proxy refuses large ones', async () => {
    await using registry = await startRegistry({ socket: false });
    registry.faults.add({
      times: 1,
      match: { operation: 'upload.finish' },
      fault: { kind: 'status', status: 413 },
    });
    const bytes = bytesOf('megabytes', 5 * 1024 * 1024);
    await sinkOf(registry, { chunkSize: 6 * 1024 * 1024 }).putBlob(blobIn(bytes));
    expect(ranges(registry)).toEqual([
      'all 5242880',
      '0-1572863',
      '1572864-3145727',
      '3145728-4718591',
      '4718592-5242879',
      'all 0',
    ]);
  });

  it('goes by what the registry says it has taken in, and keeps to its shortest piece', async () => {
    await using registry = await startRegistry({ socket: false });
    let patches = 0;
    const driver: Transport = async (request) => {
      const inner = fetchDriver((sent) => registry.fetch(sent));
      if (request.method === 'POST') {
        const response = await inner(request);
        const header = (name: string): string | undefined =>
          name === 'oci-chunk-min-length' ? '20000' : response.header(name);
        return { ...response, header };
      }
      if (request.method !== 'PATCH' || ++patches > 1) return await inner(request);
      // It takes in a quarter of the first piece.
      const body = { length: 5000, open: () => streamOf(BYTES.subarray(0, 5000)) };
      const headers = { ...request.headers, 'content-range': '0-4999' };
      return await inner({ ...request, headers, body });
    };
    await using client = clientOf(registry, { driver });
    const sink = remoteSink(repositoryOf(registry, 'team/app', client), { chunkSize: CHUNK });
    await sink.putBlob(blobIn(BYTES));
    expect(ranges(registry)).toEqual(['0-4999', '5000-24999', '25000-44999', '45000-49999', 'all 0']);
    await expectStored(registry, BYTES);
  });

  it('throws what the blob fails with, unchanged, and leaves no upload behind', async () => {
    await using registry = await startRegistry({ socket: false });
    const problem = new OciError('NETWORK', 'the other registry is gone');
    const failing: Blob = {
      descriptor: blobIn(BYTES).descriptor,
      open: () => Promise.resolve(broken()),
    };
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield BYTES.subarray(0, 100);
      throw problem;
    }
    await expect(sinkOf(registry).putBlob(failing)).rejects.toBe(problem);
    expect(registry.requests.count({ operation: 'upload.append' })).toBe(1);
    expect(registry.requests.count({ operation: 'upload.cancel', status: 204 })).toBe(1);
  });

  it.each([
    ['too short', BYTES.subarray(0, 49_000)],
    ['others', bytesOf('wrong', BYTES.length)],
  ])('refuses bytes that are %s, and nothing becomes visible', async (_, wrong) => {
    await using registry = await startRegistry({ socket: false });
    const descriptor = blobIn(BYTES).descriptor;
    const blob: Blob = { descriptor, open: (options) => blobIn(wrong).open(options) };
    await expect(sinkOf(registry).putBlob(blob)).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/DIGEST/) as string }),
    );
    expect(await sinkOf(registry).hasBlob(descriptor)).toBe(false);
    expect(registry.requests.count({ operation: 'upload.cancel' })).toBe(1);
  });

  it('copies between registries though both break off', async () => {
    await using one = await startRegistry({ socket: true });
    await using other = await startRegistry({ socket: true });
    await putBlob(one.registry.store, 'team/app', BYTES);
    one.faults.add({
      match: { method: 'GET' },
      every: 2,
      times: 2,
      fault: { kind: 'truncate', after: 9000 },
    });
    one.faults.add({ match: { method: 'GET' }, times: 1, fault: { kind: 'reset', after: 20_000 } });
    const cut = { kind: 'reset', of: 'request', after: 3000 } as const;
    other.faults.add({ match: { operation: 'upload.append' }, every: 2, times: 3, fault: cut });
    await using client = clientOf(one, { socket: true });
    const source = remoteSource(repositoryOf(one, 'team/app', client), { retry: AT_ONCE });
    const sink = remoteSink(repositoryOf(other, 'team/app', client), { chunkSize: CHUNK, retry: AT_ONCE });
    expect(await sink.putBlob(blobOf(source, blobIn(BYTES).descriptor))).toBe('sent');
    await expectStored(other, BYTES);
    expect(one.requests.count({ faulted: true })).toBeGreaterThan(0);
    expect(other.requests.count({ faulted: true })).toBeGreaterThan(1);
  });

  it('stops by the signal', async () => {
    await using registry = await startRegistry({ socket: false });
    registry.faults.add({ match: { operation: 'upload.append' }, skip: 1, fault: { kind: 'stall' } });
    const abort = new AbortController();
    const putting = sinkOf(registry).putBlob(blobIn(BYTES), { signal: abort.signal });
    await registry.requests.waitFor({ faulted: true });
    abort.abort(new Error('enough'));
    await expect(putting).rejects.toThrow('enough');
  });
});

const IMAGE = encodeJson({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociManifest,
  config: { mediaType: MEDIA_TYPES.ociEmpty, digest: digestOf('{}'), size: 2, data: 'e30=' },
  layers: [],
});

const artifact = (subject: object, name: string): Uint8Array =>
  encodeJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: 'text/sig',
    config: { mediaType: MEDIA_TYPES.ociEmpty, digest: digestOf('{}'), size: 2, data: 'e30=' },
    layers: [],
    subject,
    annotations: { name },
  });

async function withEmpty(): Promise<TestRegistry> {
  const registry = await startRegistry({ socket: false });
  await putBlob(registry.registry.store, 'team/app', Buffer.from('{}'));
  return registry;
}

describe('putManifest', () => {
  const image = descriptorOf(MEDIA_TYPES.ociManifest, IMAGE);

  it('puts by each tag, or else by the digest', async () => {
    await using registry = await withEmpty();
    const sink = sinkOf(registry);
    await sink.putManifest(image, IMAGE);
    await sink.putManifest(image, IMAGE, { tags: ['a', 'b'], top: true });
    expect(registry.requests.filter({ method: 'PUT' }).map(({ reference }) => reference)).toEqual([
      image.digest,
      'a',
      'b',
    ]);
    expect(await sink.resolve('b')).toEqual(image);
    expect(await sink.hasManifest(image)).toBe(true);
  });

  it('makes a manifest known by its sha512 too', async () => {
    await using registry = await withEmpty();
    const long = { ...image, digest: digestOf(IMAGE, 'sha512') };
    const sink = sinkOf(registry);
    await sink.putManifest(long, IMAGE, { tags: ['a'] });
    expect(await sink.hasManifest(long)).toBe(true);
    expect((await sink.resolve('a'))?.size).toBe(image.size);
  });

  it('refuses other bytes than the descriptor names, and a registry that took in others', async () => {
    await using registry = await withEmpty();
    const other = artifact(image, 'other');
    await expect(sinkOf(registry).putManifest(image, other, { tags: ['a'] })).rejects.toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
    expect(registry.requests.count()).toBe(0);
    const headers = { 'docker-content-digest': digestOf(other) };
    registry.faults.add({ fault: { kind: 'status', status: 201, headers } });
    await expect(sinkOf(registry).putManifest(image, IMAGE)).rejects.toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
  });
});

describe('a manifest with a subject', () => {
  const image = descriptorOf(MEDIA_TYPES.ociManifest, IMAGE);
  const tag = referrersTag(image.digest);

  /** A registry that knows no referrers: it takes manifests, and says nothing of their subject. */
  const without =
    (
      registry: TestRegistry,
      before: (method: string, path: string) => Promise<void> | void = () => undefined,
    ): Transport =>
    async (request) => {
      const { pathname } = new URL(request.url);
      await before(request.method, pathname);
      const response = await fetchDriver((sent) => registry.fetch(sent))(request);
      return { ...response, header: (name) => (name === 'oci-subject' ? undefined : response.header(name)) };
    };

  const listed = async (registry: TestRegistry): Promise<unknown> => {
    const { bytes } = await repositoryOf(registry).manifest(tag);
    return (parseJson(bytes, 'index') as { manifests: { annotations: { name: string } }[] }).manifests;
  };

  it('is listed by a registry that says so', async () => {
    await using registry = await withEmpty();
    const bytes = artifact(image, 'one');
    await sinkOf(registry).putManifest(descriptorOf(MEDIA_TYPES.ociManifest, bytes), bytes);
    expect(asked(registry)).toEqual(['PUT 201']);
    expect(await listOf(repositoryOf(registry).referrers(image.digest))).toHaveLength(1);
  });

  it('is listed under the tag that stands in, with its type and annotations, and once', async () => {
    await using registry = await withEmpty();
    await using client = clientOf(registry, { driver: without(registry) });
    const sink = remoteSink(repositoryOf(registry, 'team/app', client), { retry: AT_ONCE });
    const [one, two] = ['one', 'two'].map((name) => artifact(image, name)) as [Uint8Array, Uint8Array];
    const put = (bytes: Uint8Array): Promise<void> =>
      sink.putManifest(descriptorOf(MEDIA_TYPES.ociManifest, bytes), bytes);
    await put(one);
    await put(two);
    await put(one);
    expect(await listed(registry)).toEqual(
      [one, two].map((bytes, at) => ({
        ...descriptorOf(MEDIA_TYPES.ociManifest, bytes),
        artifactType: 'text/sig',
        annotations: { name: ['one', 'two'][at] },
      })),
    );
    const conditions = registry.requests
      .filter({ method: 'PUT', reference: tag })
      .map(({ headers }) => headers['if-match'] ?? headers['if-none-match']);
    expect(conditions).toEqual(['*', expect.stringMatching(/^"sha256:/)]);
  });

  it('keeps its place when many write at once, in this process and in others', async () => {
    await using registry = await withEmpty();
    const names = Array.from({ length: 6 }, (_, n) => `n${n}`);
    await Promise.all(
      names.map(async (name, at) => {
        // Another spelling of the host has a turn of its own, as other processes have.
        const client = clientOf(registry, { driver: without(registry) });
        const place = { registry: at % 2 === 0 ? 'localhost' : 'LOCALHOST', repository: 'team/app' };
        const sink = remoteSink(new RemoteRepository(client.transport, place), { retry: AT_ONCE });
        const bytes = artifact(image, name);
        await sink.putManifest(descriptorOf(MEDIA_TYPES.ociManifest, bytes), bytes);
      }),
    );
    const found = (await listed(registry)) as { annotations: { name: string } }[];
    expect(found.map(({ annotations }) => annotations.name).toSorted()).toEqual(names);
  });

  it('is added again when a writer without conditions has thrown it out', async () => {
    await using registry = await withEmpty();
    const [ours, theirs] = ['ours', 'theirs'].map((name) => artifact(image, name)) as [
      Uint8Array,
      Uint8Array,
    ];
    const index = encodeJson({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [{ ...descriptorOf(MEDIA_TYPES.ociManifest, theirs), annotations: { name: 'theirs' } }],
    });
    await putManifestOf(registry, digestOf(theirs), theirs);
    let written = 0;
    const driver = without(registry, async (method, path) => {
      // Right before the index is read again somebody else puts one of his own.
      if (method === 'GET' && path.endsWith(tag) && written === 1) {
        written++;
        await putManifestOf(registry, tag, index);
      }
      if (method === 'PUT' && path.endsWith(tag)) written++;
    });
    await using client = clientOf(registry, { driver });
    const sink = remoteSink(repositoryOf(registry, 'team/app', client), { retry: AT_ONCE });
    await sink.putManifest(descriptorOf(MEDIA_TYPES.ociManifest, ours), ours);
    const found = (await listed(registry)) as { annotations: { name: string } }[];
    expect(found.map(({ annotations }) => annotations.name)).toEqual(['theirs', 'ours']);
  });

  it('fails with the tag, when that is no index, or others always come first', async () => {
    await using registry = await withEmpty();
    await using client = clientOf(registry, { driver: without(registry) });
    const sink = remoteSink(repositoryOf(registry, 'team/app', client), { retry: AT_ONCE });
    const bytes = artifact(image, 'one');
    const put = (): Promise<void> => sink.putManifest(descriptorOf(MEDIA_TYPES.ociManifest, bytes), bytes);
    registry.faults.add({ match: { method: 'PUT', reference: tag }, fault: { kind: 'status', status: 412 } });
    await expect(put()).rejects.toThrow(/others write the list of referrers/);
    registry.faults.clear();
    await putManifestOf(registry, tag, IMAGE);
    await expect(put()).rejects.toThrow(/is not the index that lists referrers/);
  });
});

async function putManifestOf(registry: TestRegistry, reference: string, bytes: Uint8Array): Promise<void> {
  const { mediaType } = parseJson(bytes, 'manifest') as { mediaType: string };
  await repositoryOf(registry).putManifest(reference, { mediaType, bytes });
}

describe('remoteSink', () => {
  it.each([0, -1, 1.5])('refuses pieces of %d bytes', async (chunkSize) => {
    await using registry = await startRegistry({ socket: false });
    expect(() => sinkOf(registry, { chunkSize })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
