import { describe, expect, it } from 'vitest';
import {
  collect,
  describe as descriptorOf,
  digestOf,
  referrersTag,
  streamOf,
  verified,
} from '../../oci/index.js';
import { blobOf, openBlob } from '../../image/read.js';
import {
  RemoteRepository,
  catalog,
  remoteSink,
  remoteSource,
  staticKeychain,
  type Client,
} from '../../client/index.js';
import { nextOf } from '../../client/remote/pages.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { ALICE, USERS, clientOf, listOf } from './site.js';

const seed = {
  'team/app': {
    v1: { files: { '/a': 'a' } },
    '@sig': { artifactType: 'text/sig', blobs: [], subject: 'v1' },
    '@doc': { artifactType: 'text/doc', blobs: [], subject: 'v1' },
  },
} as const;

const open = (
  registry: TestRegistry,
  repository = 'team/app',
  client: Client = clientOf(registry),
): RemoteRepository => new RemoteRepository(client.transport, { registry: registry.host, repository });

describe.each([false, true])('a remote repository, over a socket: %s', (socket) => {
  it('reads and writes manifests and blobs, with credentials', async () => {
    await using registry = await startRegistry({ access: { mode: 'bearer', users: USERS } });
    const { v1 } = (await registry.seed(seed))['team/app'];
    await using client = clientOf(registry, { socket, keychain: staticKeychain(ALICE) });
    const app = open(registry, 'team/app', client);
    const copy = open(registry, 'team/copy', client);
    const manifest = await app.manifest('v1');
    expect([manifest.descriptor, Buffer.from(manifest.bytes)]).toEqual([
      v1.descriptor,
      Buffer.from(v1.manifest),
    ]);
    expect(await app.resolve('v1')).toEqual(v1.descriptor);
    expect(await app.resolve('v2')).toBeUndefined();
    const [first, ...others] = v1.blobs;
    for (const { descriptor, bytes } of v1.blobs) {
      expect(await app.blobSize(descriptor.digest)).toBe(descriptor.size);
      const source = remoteSource(app);
      const read = await collect(await openBlob(source, descriptor), 1e6, 'blob');
      expect(Buffer.compare(read, bytes)).toBe(0);
      const sink = remoteSink(copy);
      const from = descriptor === first?.descriptor ? [sink.origin, source.origin] : [];
      const origins = from.flatMap((origin) => origin ?? []);
      const blob = blobOf(source, descriptor);
      expect(await sink.putBlob(blob, { from: origins })).toBe(origins.length > 0 ? 'mounted' : 'sent');
      expect(await sink.putBlob(blob)).toBe('present');
    }
    expect(others).not.toHaveLength(0);
    const put = { mediaType: v1.descriptor.mediaType, bytes: v1.manifest };
    expect(await copy.putManifest('v1', put)).toEqual({ digest: v1.digest });
    expect(await listOf(copy.tags())).toEqual(['v1']);
    expect(await listOf(catalog(client.transport, registry.host))).toEqual(['team/app', 'team/copy']);
    await copy.deleteManifest(v1.digest);
    expect(await copy.resolve(v1.digest)).toBeUndefined();
  });
});

describe('a remote repository', () => {
  it('says what is not there', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    const app = open(registry);
    const missing = digestOf('nothing');
    await expect(app.manifest('v9')).rejects.toThrow(expect.objectContaining({ code: 'MANIFEST_UNKNOWN' }));
    await expect(app.getBlob(missing)).rejects.toThrow(expect.objectContaining({ code: 'BLOB_UNKNOWN' }));
    expect(await app.blobSize(missing)).toBeUndefined();
  });

  it('refuses a manifest whose bytes are not those of the digest', async () => {
    await using registry = await startRegistry({
      socket: false,
      faults: [{ match: { operation: 'manifest.get' }, fault: { kind: 'bitFlip', at: -1 } }],
    });
    await registry.seed(seed);
    await expect(open(registry).manifest('v1')).rejects.toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
  });

  it('lists every page', async () => {
    const names = Array.from({ length: 25 }, (_, n) => `t${String(n).padStart(4, '0')}`);
    await using registry = await startRegistry({ socket: false });
    const { v1 } = (await registry.seed(seed))['team/app'];
    await registry.seed({ many: Object.fromEntries(names.map((name) => [name, v1])) });
    expect(await listOf(open(registry, 'many').tags({ pageSize: 10 }))).toEqual(names);
    expect(registry.requests.count({ operation: 'tags.list' })).toBe(3);
  });

  it('finds referrers, by the API and by the tag that stands in for it', async () => {
    await using registry = await startRegistry({ socket: false });
    const content = (await registry.seed(seed))['team/app'];
    const { digest } = content.v1;
    const app = open(registry);
    const found = await listOf(app.referrers(digest));
    expect(found.map((one) => one.digest).toSorted()).toEqual(
      [content['@sig'].digest, content['@doc'].digest].toSorted(),
    );
    expect(
      (await listOf(app.referrers(digest, { artifactType: 'text/sig' }))).map((one) => one.digest),
    ).toEqual([content['@sig'].digest]);
    registry.faults.add({ match: { operation: 'referrers.list' }, fault: { kind: 'status', status: 404 } });
    expect(await listOf(app.referrers(digest))).toEqual([]);
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: found,
      }),
    );
    await app.putManifest(referrersTag(digest), {
      ...descriptorOf('application/vnd.oci.image.index.v1+json', bytes),
      bytes,
    });
    expect(await listOf(app.referrers(digest))).toEqual(found);
  });
});

describe('verified', () => {
  it.each([
    ['longer', 'abcd', 3],
    ['shorter', 'ab', 3],
    ['other', 'abx', 3],
    ['other, of unknown size', 'abx', undefined],
  ])('refuses bytes that are %s, before the last of them', async (_, text, size) => {
    const given: Uint8Array[] = [];
    const read = async (): Promise<void> => {
      const chunks = text.split('').map((letter) => Buffer.from(letter));
      for await (const chunk of verified(streamOf(...chunks), digestOf('abc'), size, 'it')) given.push(chunk);
    };
    await expect(read()).rejects.toThrow(expect.objectContaining({ code: 'DIGEST_MISMATCH' }));
    expect(given.length).toBeLessThan(text.length);
  });
});

describe('nextOf', () => {
  it.each([
    ['', undefined],
    ['</a?n=1>; rel="next"', '/a?n=1'],
    ['</a>; rel=next', '/a'],
    ['</a>; rel="prev", </b>; title="x"; rel="last next"', '/b'],
    ['</a>; rel="nextish"', undefined],
  ])('reads %s', (link, target) => {
    expect(nextOf(link)).toBe(target);
  });
});
