import { describe, expect, it } from 'vitest';
import { isOciError } from '../../oci/index.js';
import { copy } from '../../image/copy/index.js';
import {
  createClient,
  remoteSink,
  remoteSource,
  undiciDriver,
  type ClientOptions,
  type Driver,
  type Keychain,
} from '../../client/index.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { describedImage, startRegistry, type FaultRule, type TestRegistry } from '../../testing/index.js';
import { AT_ONCE, repositoryOf } from './site.js';

const IMAGE = describedImage({ layers: 2, layerSize: 60_000, random: 'faults' });
const CHUNK = 25_000;

/** Two registries with a user each, and a client that copies an image from one to the other. */
interface Site extends AsyncDisposable {
  readonly from: TestRegistry;
  readonly to: TestRegistry;
  /** Copies the image. Returns undefined, or the error. */
  run(options?: ClientOptions): Promise<unknown>;
  /** Hosts, and who they were told that we are. */
  readonly told: readonly (readonly [host: string, who: string])[];
}

/** @param clock the time of both registries; that of the client stands still */
async function start(socket: boolean, clock = { time: 0 }): Promise<Site> {
  const open = (user: string): Promise<TestRegistry> =>
    startRegistry({
      access: { mode: 'bearer', users: { [user]: 'secret' }, tokenTtl: 60_000 },
      now: () => clock.time,
    });
  const from = await open('reader');
  const to = await open('writer');
  await from.seed({ 'team/app': { v1: IMAGE } });
  const told: [string, string][] = [];
  const keychain: Keychain = {
    resolve: ({ registry }) => {
      const username = registry === from.host ? 'reader' : 'writer';
      return Promise.resolve({ kind: 'password', username, password: 'secret' });
    },
  };
  const driver = recording(socket ? undiciDriver() : direct([from, to]), told);
  return {
    from,
    to,
    told,
    async run(options = {}) {
      await using client = createClient({ driver, keychain, retry: AT_ONCE, now: () => 0, ...options });
      const source = remoteSource(repositoryOf(from, 'team/app', client), { retry: AT_ONCE });
      const sink = remoteSink(repositoryOf(to, 'team/copy', client), { retry: AT_ONCE, chunkSize: CHUNK });
      const roots = [{ descriptor: IMAGE.descriptor, tags: ['v1'] }];
      return await copy(source, sink, roots).then(
        () => undefined,
        (error: unknown) => error,
      );
    },
    async [Symbol.asyncDispose]() {
      await from.close();
      await to.close();
    },
  };
}

/** Asks registries without their sockets. */
function direct(registries: readonly TestRegistry[]): Driver {
  const transport: Driver['transport'] = async (request) => {
    const registry = registries.find(({ host }) => new URL(request.url).host === host);
    if (registry === undefined) throw new Error(`nobody is at ${request.url}`);
    return await fetchDriver((sent) => registry.fetch(sent))(request);
  };
  return { transport, close: () => Promise.resolve() };
}

function recording(driver: Driver, told: [string, string][]): Driver {
  return {
    close: () => driver.close(),
    transport: (request) => {
      const { authorization } = request.headers;
      if (authorization !== undefined) told.push([new URL(request.url).host, whoIs(authorization)]);
      return driver.transport(request);
    },
  };
}

/** The user of credentials, and of the registry's own tokens, which begin with JSON. */
function whoIs(authorization: string): string {
  const [scheme, value = ''] = authorization.split(' ');
  if (scheme === 'Basic') return Buffer.from(value, 'base64').toString().split(':')[0] ?? '';
  const claims = Buffer.from(value.split('.')[0] ?? '', 'base64url').toString();
  return (JSON.parse(claims) as { user: string }).user;
}

/** The image is there, whole; or nothing of it can be seen by its name. */
async function expectEnd({ from, to, told }: Site, whole: boolean): Promise<void> {
  const { store } = to.registry;
  for (const { descriptor } of whole ? IMAGE.blobs : [])
    expect((await store.blobs.stat('team/copy', descriptor.digest))?.size).toBe(descriptor.size);
  expect((await store.tags.get('team/copy', 'v1'))?.digest).toBe(whole ? IMAGE.digest : undefined);
  const wrong = told.filter(([host, who]) => who !== (host === from.host ? 'reader' : 'writer'));
  expect([wrong, told.length > 0, [from.host, to.host].includes(told[0]?.[0] ?? '')]).toEqual([
    [],
    true,
    true,
  ]);
}

type Match = NonNullable<FaultRule['match']>;

const STRUCK: readonly (readonly ['from' | 'to', Match])[] = [
  ['from', { operation: 'manifest.get' }],
  ['from', { operation: 'blob.get' }],
  ['to', { method: 'HEAD' }],
  ['to', { operation: 'upload.start' }],
  ['to', { operation: 'upload.append' }],
  ['to', { operation: 'upload.finish' }],
  ['to', { operation: 'manifest.put' }],
  ['to', { operation: 'token' }],
];

/** What passes, three in a row. */
const PASSING: readonly (readonly FaultRule['fault'][])[] = [
  [{ kind: 'reset' }, { kind: 'reset', handled: true }, { kind: 'status', status: 503, handled: true }],
  [
    { kind: 'status', status: 429 },
    { kind: 'status', status: 429, retryAfter: 3 },
    { kind: 'status', status: 500 },
  ],
  [502, 503, 504].map((status) => ({ kind: 'status', status })),
];

describe.each([false, true])('a copy between registries, over sockets: %s', (socket) => {
  // Over sockets it is connections that differ.
  const cases = STRUCK.flatMap(([side, match]) =>
    PASSING.slice(0, socket ? 1 : 3).map((faults) => [side, match, faults] as const),
  );

  it.each(cases)('survives, %s %j, what passes: %j', async (side, match, faults) => {
    await using site = await start(socket);
    for (const fault of faults) site[side].faults.add({ match, fault, times: 1 });
    expect(await site.run()).toBeUndefined();
    expect(site[side].requests.count({ faulted: true })).toBe(3);
    await expectEnd(site, true);
  });

  it.each<['from' | 'to', FaultRule]>([
    ['from', { match: { operation: 'blob.get' }, fault: { kind: 'truncate', after: 20_000 } }],
    ['from', { match: { operation: 'blob.get' }, fault: { kind: 'reset', after: 20_000 } }],
    ['to', { match: { operation: 'upload.append' }, fault: { kind: 'reset', of: 'request', after: 9000 } }],
    ['to', { match: { operation: 'upload.finish' }, fault: { kind: 'reset', of: 'request', after: 10 } }],
    ['to', { match: { operation: 'manifest.put' }, fault: { kind: 'reset', of: 'request', after: 100 } }],
  ])('survives a body that is cut, %s: %j', async (side, rule) => {
    await using site = await start(socket);
    site[side].faults.add({ ...rule, times: 3 });
    expect(await site.run()).toBeUndefined();
    expect(site[side].requests.count({ faulted: true })).toBeGreaterThan(0);
    await expectEnd(site, true);
  });

  it.each<['from' | 'to', FaultRule, string]>([
    ['from', { match: { operation: 'blob.get' }, fault: { kind: 'bitFlip', at: 30_000 } }, 'DIGEST_MISMATCH'],
    ['from', { match: { operation: 'manifest.get' }, fault: { kind: 'bitFlip', at: 30 } }, 'DIGEST_MISMATCH'],
    ['from', { match: { operation: 'blob.get' }, fault: { kind: 'status', status: 503 } }, 'UNAVAILABLE'],
    ['from', { match: { operation: 'blob.get' }, fault: { kind: 'truncate', after: 10 } }, 'NETWORK'],
    ['to', { match: { operation: 'upload.append' }, fault: { kind: 'status', status: 503 } }, 'UNAVAILABLE'],
    [
      'to',
      { match: { operation: 'upload.start' }, fault: { kind: 'status', status: 429 } },
      'TOOMANYREQUESTS',
    ],
    ['to', { match: { operation: 'upload.append' }, fault: { kind: 'reset' } }, 'NETWORK'],
    ['to', { match: { operation: 'manifest.put' }, fault: { kind: 'status', status: 500 } }, 'UNKNOWN'],
    ['to', { match: { operation: 'upload.start' }, fault: { kind: 'status', status: 403 } }, 'DENIED'],
  ])('ends with one clear error, and no name, for what does not pass, %s: %j', async (side, rule, code) => {
    await using site = await start(socket);
    site[side].faults.add(rule);
    const failure = await site.run();
    expect(isOciError(failure) ? failure.code : failure).toBe(code);
    await expectEnd(site, false);
  });

  it('survives uploads that the registry loses', async () => {
    await using site = await start(socket);
    const body = { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN', message: 'who?' }] };
    const fault = { kind: 'status', status: 404, body } as const;
    site.to.faults.add({ match: { operation: 'upload.append' }, skip: 1, times: 2, fault });
    expect(await site.run()).toBeUndefined();
    await expectEnd(site, true);
  });

  it('survives tokens that are good no longer in the middle, on both sides', async () => {
    const clock = { time: 0 };
    await using site = await start(socket, clock);
    const cut = {
      match: { operation: 'blob.get', method: 'GET' },
      fault: { kind: 'truncate', after: 20_000 },
    } as const;
    site.from.faults.add({ ...cut, times: 2 });
    const onRequest: ClientOptions['onRequest'] = ({ method, status }) => {
      if (method === 'PATCH' && status === 202) clock.time += 120_000;
    };
    expect(await site.run({ onRequest })).toBeUndefined();
    expect(site.from.requests.count({ status: 401 })).toBeGreaterThan(1);
    expect(site.to.requests.count({ operation: 'upload.append', status: 401 })).toBeGreaterThan(1);
    await expectEnd(site, true);
  });
});

describe('blobs on another host', () => {
  it('are read from there, again after a cut, and nobody there learns who we are', async () => {
    await using site = await start(true);
    await using storage = await startRegistry();
    await storage.seed({ 'team/app': { v1: IMAGE } });
    for (const { descriptor } of IMAGE.blobs) {
      const location = `${storage.url}/v2/team/app/blobs/${descriptor.digest}?signature=x`;
      const match = { operation: 'blob.get', digest: descriptor.digest } as const;
      site.from.faults.add({ match, fault: { kind: 'status', status: 307, headers: { location } } });
    }
    const cut = { kind: 'truncate', after: 20_000 } as const;
    storage.faults.add({ match: { operation: 'blob.get' }, times: 2, fault: cut });
    expect(await site.run()).toBeUndefined();
    const ranges = storage.requests.filter({}).map(({ headers }) => headers['range']);
    expect(ranges.filter((range) => range !== undefined)).toHaveLength(2);
    expect(storage.requests.filter(({ headers }) => 'authorization' in headers)).toEqual([]);
    await expectEnd(site, true);
  });
});
