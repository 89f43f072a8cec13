import { describe, expect, it } from 'vitest';
import { collect, digestOf, isOciError } from '../../oci/index.js';
import {
  RemoteRepository,
  createClient,
  openJournal,
  registryMaps,
  remoteSink,
  remoteSource,
  type Client,
  type ClientOptions,
  type RegistryRule,
} from '../../client/index.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { networkError } from '../../client/network-errors.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { bytesOf, putBlob } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';
import { AT_ONCE, blobIn, listOf } from './site.js';

const seed = { 'team/app': { v1: { files: { '/a': 'a' } }, v2: { files: { '/b': 'b' } } } } as const;
const BYTES = bytesOf('mirrors', 300_000);

/** Registries by the host that they are asked under; nobody answers for others. */
function clientFor(
  registries: Readonly<Record<string, TestRegistry>>,
  rules: readonly RegistryRule[],
  options: ClientOptions = {},
): Client & { readonly asked: string[] } {
  const asked: string[] = [];
  const client = createClient({
    registries: rules,
    retry: AT_ONCE,
    driver: (request) => {
      const { host, pathname } = new URL(request.url);
      asked.push(`${request.method} ${host}${pathname.replace(/sha256:\w+$|uploads\/[\w-]+$/, '…')}`);
      const registry = registries[host];
      if (registry !== undefined) return fetchDriver((sent) => registry.fetch(sent))(request);
      return Promise.reject(networkError(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), request));
    },
    ...options,
  });
  return Object.assign(client, { asked });
}

const at = (client: Client, registry = 'origin.example', repository = 'team/app'): RemoteRepository =>
  new RemoteRepository(client.transport, { registry, repository });

describe('mirrors', () => {
  const rule: RegistryRule = {
    prefix: 'origin.example',
    mirrors: [{ location: 'dead.example' }, { location: 'mirror.example/hub' }],
  };

  it('are asked in order for manifests and blobs, and the registry itself for what they lack', async () => {
    await using origin = await startRegistry({ socket: false });
    await using mirror = await startRegistry({ socket: false });
    const { v1, v2 } = (await origin.seed(seed))['team/app'];
    await mirror.seed({ 'hub/team/app': { v1 } });
    await using client = clientFor({ 'origin.example': origin, 'mirror.example': mirror }, [rule]);
    const source = remoteSource(at(client));
    expect(await source.resolve('v1')).toEqual(v1.descriptor);
    expect(await source.resolve('v2')).toEqual(v2.descriptor);
    const [layer] = v1.layers;
    if (layer === undefined) throw new Error('the image has a layer');
    await collect(await source.blob(layer.descriptor), 1e6, 'blob');
    expect(client.asked).toEqual([
      'HEAD dead.example/v2/team/app/manifests/v1',
      'HEAD mirror.example/v2/hub/team/app/manifests/v1',
      // One that did not answer is left alone.
      'HEAD mirror.example/v2/hub/team/app/manifests/v2',
      'HEAD origin.example/v2/team/app/manifests/v2',
      'GET mirror.example/v2/hub/team/app/blobs/…',
    ]);
  });

  it('are asked again after a minute', async () => {
    await using origin = await startRegistry({ socket: false, seed });
    let now = 0;
    await using client = clientFor({ 'origin.example': origin }, [rule], { now: () => now });
    const dead = (): number => client.asked.filter((line) => line.includes('dead.example')).length;
    await at(client).resolve('v1');
    await at(client).resolve('v1');
    expect(dead()).toBe(1);
    now = 60_001;
    await at(client).resolve('v1');
    expect(dead()).toBe(2);
  });

  it('are asked for nothing that belongs to a write, nor for lists', async () => {
    await using origin = await startRegistry({ socket: false, seed });
    await using mirror = await startRegistry({ socket: false });
    await putBlob(mirror.registry.store, 'hub/team/app', BYTES);
    await using client = clientFor({ 'origin.example': origin, 'mirror.example': mirror }, [rule]);
    expect(await remoteSink(at(client)).putBlob(blobIn(BYTES))).toBe('sent');
    expect(await listOf(at(client).tags())).toEqual(['v1', 'v2']);
    expect(await listOf(at(client).referrers(digestOf('x')))).toEqual([]);
    expect(client.asked.filter((line) => !line.includes('origin.example'))).toEqual([]);
  });

  it('that break off or fail are made up for by the registry itself', async () => {
    await using origin = await startRegistry({ socket: false });
    await using mirror = await startRegistry({ socket: false });
    for (const [registry, name] of [
      [origin, 'team/app'],
      [mirror, 'hub/team/app'],
    ] as const)
      await putBlob(registry.registry.store, name, BYTES);
    mirror.faults.add({ match: { method: 'GET' }, times: 1, fault: { kind: 'truncate', after: 100_000 } });
    let now = 0;
    const hosts = { 'origin.example': origin, 'mirror.example': mirror };
    await using client = clientFor(hosts, [rule], { now: () => now });
    const read = async (): Promise<string> => {
      const source = remoteSource(at(client), { retry: AT_ONCE });
      return digestOf(await collect(await source.blob(blobIn(BYTES).descriptor), 1e6, 'blob'));
    };
    expect(await read()).toBe(digestOf(BYTES));
    expect(origin.requests.filter({ method: 'GET' }).map(({ headers }) => headers.range)).toEqual([
      'bytes=100000-',
    ]);
    now = 100_000;
    for (const status of [401, 404, 429, 503]) {
      mirror.faults.add({ times: 1, fault: { kind: 'status', status } });
      expect(await read()).toBe(digestOf(BYTES));
    }
    expect([mirror.requests.count({ faulted: true }), origin.requests.count()]).toEqual([5, 5]);
  });

  it.each([
    ['digest-only', ['mirror', 'origin', 'mirror']],
    ['tag-only', ['origin', 'mirror', 'mirror']],
  ] as const)('are asked for what they are meant for: %s', async (pull, expected) => {
    await using origin = await startRegistry({ socket: false });
    await using mirror = await startRegistry({ socket: false });
    const { v1 } = (await origin.seed(seed))['team/app'];
    await mirror.seed(seed);
    const rules = [{ prefix: 'origin.example', mirrors: [{ location: 'mirror.example', pull }] }];
    await using client = clientFor({ 'origin.example': origin, 'mirror.example': mirror }, rules);
    await at(client).manifest(v1.digest);
    await at(client).manifest('v1');
    await at(client).getBlob(v1.config.descriptor.digest);
    expect(client.asked.map((line) => /(\w+)\.example/.exec(line)?.[1])).toEqual(expected);
  });

  it('get their own credentials', async () => {
    await using mirror = await startRegistry({ socket: false, users: { mia: 'mirror' }, seed });
    const targets: string[] = [];
    const keychain: ClientOptions['keychain'] = {
      resolve: ({ registry, repository }) => {
        targets.push(`${registry}/${repository}`);
        return Promise.resolve({ kind: 'password', username: 'mia', password: 'mirror' });
      },
    };
    const rules = registryMaps(['origin.example=mirror.example']);
    await using client = clientFor({ 'mirror.example': mirror }, rules, { keychain });
    expect(await at(client).resolve('v1')).toBeDefined();
    expect(targets).toEqual(['mirror.example/team/app']);
  });

  it('end with the error of the registry itself, and by the signal', async () => {
    await using origin = await startRegistry({ socket: false, seed });
    await using client = clientFor({ 'origin.example': origin }, [rule]);
    await expect(at(client).manifest('v9')).rejects.toThrow(
      expect.objectContaining({ code: 'MANIFEST_UNKNOWN' }),
    );
    const reason = new Error('enough');
    await expect(at(client).manifest('v1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('a location', () => {
  const rules = [{ prefix: 'origin.example/team', location: 'moved.example:5000/x/y' }];

  it('takes the place of the registry: uploads, mounts, pages and journals too', async () => {
    await using moved = await startRegistry({ socket: false, access: { mode: 'bearer', users: { u: 'p' } } });
    await putBlob(moved.registry.store, 'x/y/base', BYTES);
    const keychain: ClientOptions['keychain'] = {
      resolve: () => Promise.resolve({ kind: 'password', username: 'u', password: 'p' }),
    };
    await using client = clientFor({ 'moved.example:5000': moved, localhost: moved }, rules, {
      keychain,
      plainHttp: true,
      plainCredentials: true,
    });
    const sink = remoteSink(at(client), {
      chunkSize: 100_000,
      journal: openJournal({ folder: await tempFolder() }),
    });
    const other = bytesOf('other', 250_000);
    expect(await sink.putBlob(blobIn(other))).toBe('sent');
    const from = ['origin.example', 'origin.example'].map((registry) => ({
      registry,
      repository: 'team/base',
    }));
    expect(await sink.putBlob(blobIn(BYTES), { from })).toBe('mounted');
    const away = [{ registry: 'origin.example', repository: 'elsewhere/base' }];
    const small = bytesOf('small', 100);
    expect(await sink.putBlob(blobIn(small), { from: away })).toBe('sent');
    const stored = await moved.registry.store.blobs.stat('x/y/app', digestOf(other));
    expect(stored?.size).toBe(other.length);
    const { v1 } = (await moved.seed({ 'x/y/app': { v1: {} } }))['x/y/app'];
    await moved.seed({ 'x/y/app': Object.fromEntries(['a', 'b', 'c'].map((tag) => [tag, v1])) });
    expect(await listOf(at(client).tags({ pageSize: 2 }))).toEqual(['a', 'b', 'c', 'v1']);
    expect(client.asked.filter((line) => line.includes('origin.example'))).toEqual([]);
  });

  it('that leaves no repository is refused, and a blocked registry asked for nothing', async () => {
    await using client = clientFor({}, [
      { prefix: 'origin.example/team/app', location: 'moved.example' },
      { prefix: 'bad.example', blocked: true },
    ]);
    for (const [registry, code] of [
      ['origin.example', 'INVALID_OPTION'],
      ['bad.example', 'DENIED'],
    ] as const) {
      const failure = await at(client, registry)
        .resolve('v1')
        .catch((error: unknown) => error);
      expect(isOciError(failure, code)).toBe(true);
    }
    expect(client.asked).toEqual([]);
  });

  it('that is insecure is asked over plain HTTP where HTTPS is not spoken, with credentials', async () => {
    await using registry = await startRegistry({ users: { u: 'p' }, seed });
    const insecure = [
      { prefix: 'origin.example', mirrors: [{ location: 'insecure.example', insecure: true }] },
    ];
    const { transport } = { transport: fetchDriver((sent) => registry.fetch(sent)) };
    await using client = clientFor({}, insecure, {
      driver: (request) =>
        request.url.startsWith('http://insecure.example/')
          ? transport(request)
          : Promise.reject(networkError(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), request)),
      keychain: { resolve: () => Promise.resolve({ kind: 'password', username: 'u', password: 'p' }) },
    });
    expect(await at(client).resolve('v1')).toBeDefined();
  });
});
