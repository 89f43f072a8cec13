import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { collect, digestOf, isOciError, streamOf, type ByteRange, type Digest } from '../../oci/index.js';
import { openBlob } from '../../image/read.js';
import { createClient, networkReason, remoteSource, RemoteRepository } from '../../client/index.js';
import { addReferrer } from '../../client/remote/referrers-index.js';
import { startRegistry, type Fault, type TestRegistry } from '../../testing/index.js';
import { bytesOf, putBlob } from '../helpers/content.js';
import { AT_ONCE, clientOf, listOf, repositoryOf } from './site.js';

const BYTES = bytesOf('source', 300_000);
const DESCRIPTOR = { mediaType: 'application/octet-stream', digest: digestOf(BYTES), size: BYTES.byteLength };

const none: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('no such list')) }),
};

const readBlob = { operation: 'blob.get', method: 'GET' } as const;

async function withBlob(options: { socket: boolean }): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  await putBlob(registry.registry.store, 'team/app', BYTES);
  return registry;
}

async function bytesFrom(
  repository: RemoteRepository,
  options: { range?: ByteRange; attempts?: number } = {},
): Promise<Uint8Array> {
  const { range, attempts = 4 } = options;
  const source = remoteSource(repository, { retry: { ...AT_ONCE, attempts } });
  const stream =
    range === undefined ? await openBlob(source, DESCRIPTOR) : await source.blob(DESCRIPTOR, { range });
  return await collect(stream, 1e6, 'blob');
}

/** A server of the test's own on loopback. */
async function serve(answer: RequestListener): Promise<{ host: string; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server: Server = createServer((incoming, outgoing) => {
    seen.push(incoming.headers);
    answer(incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

describe.each([false, true])('a blob that breaks off, over a socket: %s', (socket) => {
  it.each<[string, Fault]>([
    ['cut', { kind: 'truncate', after: 100_000 }],
    ['reset', { kind: 'reset', after: 100_000 }],
  ])('is gone on with by range: %s', async (_, fault) => {
    await using registry = await withBlob({ socket });
    await using client = clientOf(registry, { socket });
    registry.faults.add({ match: readBlob, times: 2, fault });
    const read = await bytesFrom(repositoryOf(registry, 'team/app', client));
    expect(Buffer.compare(read, BYTES)).toBe(0);
    const [first, second, third] = registry.requests.filter(readBlob);
    expect(first?.headers.range).toBeUndefined();
    // A client on libuv may miss the last bytes before a reset.
    const from = [second, third].map(({ headers = {} } = {} as never) =>
      Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]),
    );
    expect(from[0]).toBeGreaterThan(0);
    expect(from[0]).toBeLessThanOrEqual(100_000);
    expect(from[1]).toBeGreaterThanOrEqual(from[0] ?? 0);
    expect(second?.headers['if-range']).toBe(`"${DESCRIPTOR.digest}"`);
  });
});

describe('a remote source', () => {
  it('reads manifests, tags and referrers', async () => {
    await using registry = await startRegistry({ socket: false });
    const seeded = await registry.seed({
      'team/app': {
        v1: { files: { '/a': 'a' } },
        '@sig': { artifactType: 'text/sig', blobs: [], subject: 'v1' },
      },
    });
    const { v1, '@sig': sig } = seeded['team/app'];
    const source = remoteSource(repositoryOf(registry));
    expect(source.name).toBe(`${registry.host}/team/app`);
    expect(source.origin).toEqual({ registry: registry.host, repository: 'team/app' });
    expect(await source.resolve('v1')).toEqual(v1.descriptor);
    expect(await source.resolve('v2')).toBeUndefined();
    expect(Buffer.compare(await source.manifest(v1.descriptor), v1.manifest)).toBe(0);
    expect(await listOf(source.tags?.() ?? none)).toEqual(['v1']);
    expect(await listOf(source.referrers?.(v1.digest) ?? none)).toEqual([
      expect.objectContaining({ digest: sig.digest, artifactType: 'text/sig' }),
    ]);
  });

  it.each([
    [{ status: 401 }, 'answers 401'],
    [{ status: 403 }, 'answers 403'],
    [{ status: 404 }, undefined],
    [{ status: 405 }, undefined],
    [{ status: 200, body: '<html>' }, 'gives no list'],
    [{ status: 200, body: '{"data":[]}' }, 'gives no list'],
  ])('looks for the tag that stands in where the referrers API answers %j', async (answer, told) => {
    await using registry = await startRegistry({ socket: false });
    const { v1, sig } = (
      await registry.seed({
        'team/app': {
          v1: { files: { '/a': 'a' } },
          sig: { artifactType: 'text/sig', blobs: [], subject: 'v1' },
        },
      })
    )['team/app'];
    const repository = repositoryOf(registry);
    await addReferrer(repository, v1.digest, { ...sig.descriptor, artifactType: 'text/sig' });
    const match = { path: /\/referrers\// };
    registry.faults.add({ match, fault: { kind: 'status', ...answer } });
    const notices: string[] = [];
    const source = remoteSource(repository, { onNotice: (notice) => notices.push(notice) });
    for (let again = 0; again < 2; again++)
      expect(await listOf(source.referrers?.(v1.digest) ?? none)).toEqual([
        expect.objectContaining({ digest: sig.digest, artifactType: 'text/sig' }),
      ]);
    expect(notices).toEqual(told === undefined ? [] : [expect.stringContaining(`${registry.host} ${told}`)]);
  });

  it('takes what guards both the referrers and their tag for none, and what fails for a failure', async () => {
    await using registry = await startRegistry({ socket: false });
    const { v1 } = (await registry.seed({ 'team/app': { v1: { files: { '/a': 'a' } } } }))['team/app'];
    const source = remoteSource(repositoryOf(registry));
    registry.faults.add({
      match: { path: /\/referrers\// },
      times: 1,
      fault: { kind: 'status', status: 403 },
    });
    registry.faults.add({ match: { path: /sha256-/ }, fault: { kind: 'status', status: 403 } });
    expect(await listOf(source.referrers?.(v1.digest) ?? none)).toEqual([]);
    registry.faults.add({ match: { path: /\/referrers\// }, fault: { kind: 'status', status: 503 } });
    await expect(listOf(source.referrers?.(v1.digest) ?? none)).rejects.toThrow('answered 503');
  });

  it('gives a range, and goes on within it', async () => {
    await using registry = await withBlob({ socket: false });
    registry.faults.add({ match: readBlob, times: 1, fault: { kind: 'truncate', after: 10 } });
    const read = await bytesFrom(repositoryOf(registry), { range: { start: 5, end: 104 } });
    expect(Buffer.compare(read, BYTES.subarray(5, 105))).toBe(0);
    expect(registry.requests.filter(readBlob).map(({ headers }) => headers.range)).toEqual([
      'bytes=5-104',
      'bytes=15-104',
    ]);
  });

  it('ends after several answers in a row that gain nothing', async () => {
    await using registry = await withBlob({ socket: false });
    registry.faults.add({ match: readBlob, fault: { kind: 'truncate', after: 10 } });
    const failure = await bytesFrom(repositoryOf(registry), { attempts: 3 }).catch(networkReason);
    expect(failure).toBe('closed');
    expect(registry.requests.count(readBlob)).toBe(3);
    registry.faults.clear();
    registry.requests.clear();
    // What gains much is not counted.
    registry.faults.add({ match: readBlob, fault: { kind: 'truncate', after: 70_000 } });
    expect(await bytesFrom(repositoryOf(registry), { attempts: 2 })).toHaveLength(BYTES.byteLength);
    expect(registry.requests.count(readBlob)).toBe(5);
  });

  it('hands on a flipped bit, which whoever reads it through openBlob is told of', async () => {
    await using registry = await withBlob({ socket: false });
    registry.faults.add({ match: readBlob, fault: { kind: 'bitFlip', at: 150_000 } });
    await expect(bytesFrom(repositoryOf(registry))).rejects.toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    );
    expect(registry.requests.count(readBlob)).toBe(1);
  });

  it('stops by the signal, and does not go on after it', async () => {
    await using registry = await withBlob({ socket: false });
    registry.faults.add({ match: readBlob, fault: { kind: 'stall', after: 100_000 } });
    const abort = new AbortController();
    const stream = await remoteSource(repositoryOf(registry)).blob(DESCRIPTOR, { signal: abort.signal });
    const reading = collect(stream, 1e6, 'blob');
    await registry.requests.waitFor(({ sent }) => sent > 0);
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(registry.requests.count(readBlob)).toBe(1);
  });

  it.each([
    ['answers with everything', 'whole'],
    ['gives a part at a time', 'parts'],
    ['tells no length, and closes', 'closes'],
  ])('reads from a server that %s', async (_, manner) => {
    let answers = 0;
    const { host, seen } = await serve((incoming, outgoing) => {
      answers++;
      const start = Number(/bytes=(\d+)/.exec(incoming.headers.range ?? '')?.[1] ?? 0);
      if (manner === 'parts') {
        const part = BYTES.subarray(start, start + 120_000);
        const range = `bytes ${start}-${start + part.byteLength - 1}/${BYTES.byteLength}`;
        outgoing.writeHead(206, { 'content-range': range, 'content-length': part.byteLength }).end(part);
      } else if (manner === 'whole') {
        outgoing.writeHead(200, { 'content-length': BYTES.byteLength, etag: 'W/"weak"' });
        if (answers > 1) outgoing.end(BYTES);
        else outgoing.write(BYTES.subarray(0, 120_000), () => outgoing.destroy());
      } else {
        outgoing.useChunkedEncodingByDefault = false;
        outgoing.writeHead(200, { connection: 'close' });
        outgoing.end(answers > 1 ? BYTES : BYTES.subarray(0, 120_000));
      }
    });
    await using client = createClient();
    const repository = new RemoteRepository(client.transport, { registry: host, repository: 'team/app' });
    expect(Buffer.compare(await bytesFrom(repository), BYTES)).toBe(0);
    expect(seen.slice(1).every((headers) => headers['if-range'] === undefined)).toBe(true);
    expect(seen.slice(1).every((headers) => headers.range !== undefined)).toBe(true);
    expect(answers).toBe(manner === 'parts' ? 3 : 2);
  });

  it('refuses an answer with bytes from elsewhere', async () => {
    const { host } = await serve((incoming, outgoing) => {
      const again = incoming.headers.range !== undefined;
      outgoing.writeHead(again ? 206 : 200, {
        'content-length': again ? 1 : BYTES.byteLength,
        ...(again ? { 'content-range': `bytes 299999-299999/300000` } : {}),
      });
      if (again) outgoing.end('x');
      else outgoing.write(BYTES.subarray(0, 120_000), () => outgoing.destroy());
    });
    await using client = createClient();
    const repository = new RemoteRepository(client.transport, { registry: host, repository: 'team/app' });
    await expect(bytesFrom(repository)).rejects.toThrow(/got those from 299999/);
  });
});

describe('a layer with URLs', () => {
  const foreign = (urls: readonly string[], digest: Digest = DESCRIPTOR.digest) => ({
    ...DESCRIPTOR,
    digest,
    urls,
  });

  it('is asked for at the registry first, then there, with nobody’s credentials', async () => {
    await using registry = await startRegistry({ users: { alice: 'wonderland' } });
    const { host, seen } = await serve((incoming, outgoing) => {
      if (incoming.url === '/gone') outgoing.writeHead(410).end();
      else outgoing.end(BYTES);
    });
    const keychain = {
      resolve: () =>
        Promise.resolve({ kind: 'password', username: 'alice', password: 'wonderland' } as const),
    };
    await using client = clientOf(registry, { socket: true, keychain });
    const source = remoteSource(repositoryOf(registry, 'team/app', client));
    const descriptor = foreign([`http://${host}/gone`, `http://${host}/layer`]);
    const read = await collect(await openBlob(source, descriptor), 1e6, 'blob');
    expect(Buffer.compare(read, BYTES)).toBe(0);
    expect(registry.requests.count({ operation: 'blob.get', status: 404 })).toBe(1);
    expect(seen.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
    await putBlob(registry.registry.store, 'team/app', BYTES);
    await collect(await openBlob(source, descriptor), 1e6, 'blob');
    expect(seen).toHaveLength(2);
  });

  it.each(['ftp://host.example/a', 'not a url', 'https://me:pw@host.example/a', 'http://127.0.0.1:1/a'])(
    'is not asked for at %s',
    async (url) => {
      const asked: string[] = [];
      await using client = createClient({
        retry: AT_ONCE,
        driver: (request) => {
          asked.push(request.url);
          return Promise.resolve({
            status: 404,
            url: request.url,
            header: () => undefined,
            headerNames: () => [],
            body: streamOf(),
            discard: () => Promise.resolve(),
          });
        },
      });
      const place = { registry: 'registry.example', repository: 'team/app' };
      const source = remoteSource(new RemoteRepository(client.transport, place));
      const failure = await source.blob(foreign([url])).catch((error: unknown) => error);
      expect(isOciError(failure, 'DENIED')).toBe(true);
      expect(asked).toHaveLength(1);
      expect(String(failure)).not.toMatch(/pw/);
    },
  );
});
