import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../oci/index.js';
import {
  randomImage,
  recordingRegistry,
  replayRegistry,
  startRegistry,
  type RecordOptions,
  type TestRegistry,
} from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';

const NOWHERE = digestOf(Buffer.from('nowhere'));

/** A registry to be recorded: an image, an index of two, and something that refers to the image. */
async function upstream(options: Parameters<typeof startRegistry>[0] = {}) {
  const registry = await startRegistry(options);
  onTestFinished(() => registry.close());
  const seeded = await registry.seed({
    'team/app': {
      '1.0': { files: { '/etc/motd': 'hello' } },
      '2.0': { files: { '/etc/motd': 'bye' } },
      multi: { platforms: ['linux/amd64', 'linux/arm64'] },
      '@sbom': { artifactType: 'application/spdx+json', subject: '1.0' },
    },
  });
  return { registry, app: seeded['team/app'] };
}

async function record(options: RecordOptions): Promise<TestRegistry> {
  const recorder = await recordingRegistry(options);
  onTestFinished(() => recorder.close());
  return recorder;
}

async function replay(folder: string): Promise<TestRegistry> {
  const registry = await replayRegistry({ folder });
  onTestFinished(() => registry.close());
  return registry;
}

/** Pulls as clients do: the manifest, and what an image lists. */
async function pull(registry: TestRegistry, reference: string): Promise<Record<string, string>> {
  const at = `/v2/team/app`;
  const answer = await registry.fetch(`${at}/manifests/${reference}`);
  expect(answer.status, await answer.clone().text()).toBe(200);
  const text = await answer.text();
  const manifest = JSON.parse(text) as { config?: { digest: string }; layers?: { digest: string }[] };
  const pulled: Record<string, string> = { [reference]: text };
  for (const { digest } of [
    ...(manifest.config === undefined ? [] : [manifest.config]),
    ...(manifest.layers ?? []),
  ]) {
    const blob = Buffer.from(await (await registry.fetch(`${at}/blobs/${digest}`)).arrayBuffer());
    expect(digestOf(blob)).toBe(digest);
    pulled[digest] = blob.toString('base64');
  }
  return pulled;
}

const listed = async (folder: string): Promise<string[]> => {
  const { manifests } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: { annotations: Record<string, string> }[];
  };
  return manifests
    .map(({ annotations }) => annotations['org.opencontainers.image.ref.name'] ?? '')
    .toSorted();
};

const errorOf = async (answer: Response): Promise<{ code: string; message: string }> =>
  ((await answer.json()) as { errors: [{ code: string; message: string }] }).errors[0];

describe('a recording registry', () => {
  it('asks once for each thing, and a replay serves the same bytes without it', async () => {
    const folder = join(await tempFolder(), 'kept');
    const { registry, app } = await upstream();
    const recorder = await record({ upstream: registry.host, folder });
    const first = await pull(recorder, '1.0');
    const asked = registry.requests.count();
    expect(await pull(recorder, '1.0')).toEqual(first);
    expect(registry.requests.count()).toBe(asked);
    await recorder.close();
    await registry.close();

    const player = await replay(folder);
    expect(await pull(player, '1.0')).toEqual(first);
    const { digest } = app['1.0'];
    const head = await player.fetch(`/v2/team/app/manifests/${digest}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('docker-content-digest')]).toEqual([200, digest]);
    expect(head.headers.get('content-type')).toBe('application/vnd.oci.image.manifest.v1+json');
  });

  it('goes on with a recording, and asks only for what is new', async () => {
    const folder = await tempFolder();
    const { registry } = await upstream();
    const first = await record({ upstream: registry.url, folder });
    await pull(first, '1.0');
    await first.close();
    registry.requests.clear();
    // The same one, spelled otherwise.
    const again = await record({ upstream: registry.host, folder });
    await pull(again, '1.0');
    expect(registry.requests.count()).toBe(0);
    await pull(again, '2.0');
    expect(registry.requests.count({ operation: 'manifest.get' })).toBe(1);
  });

  it('lists tags and referrers as they were, page by page and by type', async () => {
    const folder = await tempFolder();
    const { registry, app } = await upstream();
    const recorder = await record({ upstream: registry.host, folder });
    const { digest } = app['1.0'];
    const lists = ['tags/list', `referrers/${digest}`];
    const before = await Promise.all(
      lists.map(async (path) => (await registry.fetch(`/v2/team/app/${path}`)).json() as Promise<object>),
    );
    for (const path of lists) await (await recorder.fetch(`/v2/team/app/${path}`)).text();
    await recorder.close();
    await registry.close();
    const player = await replay(folder);
    for (const [at, path] of lists.entries())
      expect(await (await player.fetch(`/v2/team/app/${path}`)).json()).toEqual(before[at]);

    const page = await player.fetch('/v2/team/app/tags/list?n=2');
    expect(await page.json()).toEqual({ name: 'team/app', tags: ['1.0', '2.0'] });
    expect(page.headers.get('link')).toBe('</v2/team/app/tags/list?n=2&last=2.0>; rel="next"');
    const rest = await player.fetch('/v2/team/app/tags/list?n=2&last=2.0');
    expect(await rest.json()).toEqual({ name: 'team/app', tags: ['multi'] });
    expect(rest.headers.has('link')).toBe(false);
    const other = await player.fetch(`/v2/team/app/referrers/${digest}?artifactType=text/plain`);
    expect(other.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(await other.json()).toMatchObject({ manifests: [] });
  });

  it('tells of each request once, with the answer that its client got', async () => {
    const { registry } = await upstream();
    const told: string[] = [];
    const recorder = await record({
      upstream: registry.host,
      folder: await tempFolder(),
      onRequest: ({ method, operation, status, sent }) =>
        told.push(`${method} ${operation} ${status} ${sent}`),
    });
    const sent: string[] = [];
    for (const [method, operation, path] of [
      ['GET', 'ping', ''],
      ['GET', 'manifest.get', 'team/app/manifests/1.0'],
      ['GET', 'manifest.get', 'team/app/manifests/1.0'],
      ['HEAD', 'manifest.get', 'team/app/manifests/2.0'],
      ['GET', 'manifest.get', 'team/app/manifests/none'],
      ['GET', 'tags.list', 'team/app/tags/list'],
      ['GET', 'tags.list', 'team/app/tags/list?n=x'],
    ] as const) {
      const answer = await recorder.fetch(`/v2/${path}`, { method });
      await answer.arrayBuffer();
      const length = answer.headers.get('content-length');
      sent.push(`${method} ${operation} ${answer.status} ${length}`);
    }
    expect(told).toEqual(sent);
  });

  it('asks once for what many ask for at once', async () => {
    const { registry, app } = await upstream();
    const recorder = await record({ upstream: registry.host, folder: await tempFolder() });
    const pulls = await Promise.all(Array.from({ length: 8 }, () => pull(recorder, '1.0')));
    expect(new Set(pulls.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(registry.requests.count({ operation: 'manifest.get' })).toBe(1);
    const gets = registry.requests.filter({ operation: 'blob.get' }).filter(({ method }) => method === 'GET');
    expect(gets).toHaveLength(new Set(gets.map(({ digest }) => digest)).size);
    expect(app['1.0'].digest).toBe(digestOf(Buffer.from(pulls[0]?.['1.0'] ?? '')));
  });

  it('takes credentials to the upstream from the client that it is given, and asks for others itself', async () => {
    const { registry } = await upstream({ users: { bob: 'secret' }, auth: 'bearer' });
    const { createClient, staticKeychain } = await import('../../client/index.js');
    const keychain = staticKeychain({ kind: 'password', username: 'bob', password: 'secret' });
    await using client = createClient({ keychain });
    const folder = await tempFolder();
    const options = { upstream: registry.host, folder, client, users: { amy: 'pw' } };
    const recorder = await record(options);
    const path = '/v2/team/app/manifests/1.0';
    expect((await recorder.fetch(path)).status).toBe(401);
    expect(registry.requests.count()).toBe(0);
    const headers = { authorization: `Basic ${Buffer.from('amy:pw').toString('base64')}` };
    expect((await recorder.fetch(path, { headers })).status).toBe(200);
    expect(registry.requests.count({ operation: 'manifest.get', status: 200 })).toBe(1);
  });
});

describe('what a recording cannot give', () => {
  it('is 404 with what to record', async () => {
    const folder = await tempFolder();
    const { registry, app } = await upstream();
    const recorder = await record({ upstream: registry.host, folder });
    await (await recorder.fetch('/v2/team/app/manifests/1.0')).text();
    await recorder.close();
    const player = await replay(folder);
    const how = `is not in the recording ${folder}: ask for it once while ${registry.host} is recorded there`;
    const expected: [path: string, code: string, what: string][] = [
      ['team/app/manifests/2.0', 'MANIFEST_UNKNOWN', 'manifest team/app:2.0'],
      [`team/app/manifests/${NOWHERE}`, 'MANIFEST_UNKNOWN', `manifest team/app@${NOWHERE}`],
      [`team/app/blobs/${NOWHERE}`, 'BLOB_UNKNOWN', `blob team/app@${NOWHERE}`],
      ['team/app/tags/list', 'NAME_UNKNOWN', 'the list of tags of team/app'],
      [
        `team/app/referrers/${app['1.0'].digest}`,
        'MANIFEST_UNKNOWN',
        `the list of referrers of team/app@${app['1.0'].digest}`,
      ],
      ['team/other/manifests/1.0', 'MANIFEST_UNKNOWN', 'manifest team/other:1.0'],
    ];
    for (const [path, code, what] of expected) {
      const answer = await player.fetch(`/v2/${path}`);
      expect(answer.status, path).toBe(404);
      expect(await errorOf(answer)).toEqual({ code, message: `${what} ${how}` });
      const head = await player.fetch(`/v2/${path}`, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([404, '']);
    }
  });

  it('is refused: pushes, and the list of repositories', async () => {
    const { registry } = await upstream();
    const recorder = await record({ upstream: registry.host, folder: await tempFolder() });
    for (const [method, path] of [
      ['POST', 'team/app/blobs/uploads/'],
      ['PUT', 'team/app/manifests/3.0'],
      ['DELETE', 'team/app/manifests/1.0'],
    ] as const) {
      const answer = await recorder.fetch(`/v2/${path}`, { method });
      expect([answer.status, (await errorOf(answer)).code]).toEqual([403, 'DENIED']);
    }
    expect((await recorder.fetch('/v2/_catalog')).status).toBe(405);
    expect(registry.requests.count()).toBe(0);
  });

  it('says what the upstream said: nothing there, not for you, out of order', async () => {
    const { registry } = await upstream();
    const folder = await tempFolder();
    const { createClient } = await import('../../client/index.js');
    await using client = createClient({ retry: { attempts: 1 } });
    const recorder = await record({ upstream: registry.host, folder, client });
    const missing = await recorder.fetch('/v2/team/app/manifests/9');
    expect([missing.status, (await errorOf(missing)).code]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect((await recorder.fetch(`/v2/team/app/blobs/${NOWHERE}`)).status).toBe(404);
    for (const [status, answered, code] of [
      [401, 403, 'DENIED'],
      [403, 403, 'DENIED'],
      [500, 502, 'UNAVAILABLE'],
    ] as const) {
      registry.faults.clear();
      registry.faults.add({ match: { operation: 'manifest.get' }, fault: { kind: 'status', status } });
      const answer = await recorder.fetch('/v2/team/app/manifests/1.0');
      const error = await errorOf(answer);
      expect([answer.status, error.code], error.message).toEqual([answered, code]);
      expect(error.message).toContain(`recording ${registry.host}: manifest ${registry.host}/team/app:1.0`);
    }
    registry.faults.clear();
    await registry.close();
    expect((await recorder.fetch('/v2/team/app/manifests/1.0')).status).toBe(502);
    // Nothing of this is kept.
    await recorder.close();
    expect(JSON.parse(await readFile(join(folder, 'recording.json'), 'utf8'))).toMatchObject({
      repositories: {},
    });
  });

  it('is never what was damaged on the way', async () => {
    const { registry } = await upstream();
    const folder = await tempFolder();
    const { createClient } = await import('../../client/index.js');
    await using client = createClient({ retry: { attempts: 1 } });
    const recorder = await record({ upstream: registry.host, folder, client });
    const { config } = JSON.parse((await pull(registry, '1.0'))['1.0'] ?? '') as {
      config: { digest: string };
    };
    registry.faults.add({ match: { operation: 'blob.get' }, times: 1, fault: { kind: 'bitFlip', at: 3 } });
    const path = `/v2/team/app/blobs/${config.digest}`;
    const damaged = await recorder.fetch(path);
    expect([damaged.status, (await errorOf(damaged)).message]).toEqual([
      502,
      expect.stringContaining(config.digest),
    ]);
    const whole = Buffer.from(await (await recorder.fetch(path)).arrayBuffer());
    expect(digestOf(whole)).toBe(config.digest);
  });
});

describe('the folder of a recording', () => {
  it('is a layout that names what came whole, and seeds other registries', async () => {
    const folder = join(await tempFolder(), 'kept');
    const { registry, app } = await upstream();
    const recorder = await record({ upstream: registry.host, folder });
    await pull(recorder, '1.0');
    // Of the index one image only, of 2.0 the manifest only.
    const index = await pull(recorder, 'multi');
    const [child] = (JSON.parse(index['multi'] ?? '') as { manifests: { digest: string }[] }).manifests;
    await pull(recorder, child?.digest ?? '');
    await (await recorder.fetch('/v2/team/app/manifests/2.0')).text();
    expect(await listed(folder)).toEqual([]);
    await recorder.close();
    expect(await listed(folder)).toEqual(['team/app:1.0', `team/app@${child?.digest}`].toSorted());

    await using seeded = await startRegistry({ socket: false });
    await seeded.load(folder);
    expect(await (await seeded.fetch('/v2/team/app/tags/list')).json()).toEqual({
      name: 'team/app',
      tags: ['1.0'],
    });
    expect(Object.keys(await pull(seeded, app['1.0'].digest))).toHaveLength(3);
    expect(Object.keys(await pull(seeded, child?.digest ?? ''))).toContain(child?.digest);

    const player = await replay(folder);
    expect(await pull(player, 'multi')).toEqual(index);
  });

  it('holds no second entry for what an index holds', async () => {
    const folder = await tempFolder();
    const { registry } = await upstream();
    const recorder = await record({ upstream: registry.host, folder });
    const index = await pull(recorder, 'multi');
    const { manifests } = JSON.parse(index['multi'] ?? '') as { manifests: { digest: string }[] };
    for (const { digest } of manifests) await pull(recorder, digest);
    await recorder.close();
    expect(await listed(folder)).toEqual(['team/app:multi']);
    expect(await readdir(folder)).toEqual(
      expect.arrayContaining(['blobs', 'index.json', 'oci-layout', 'recording.json']),
    );
  });

  it('belongs to one upstream, and is no other folder', async () => {
    const folder = await tempFolder();
    const { registry } = await upstream();
    await (await record({ upstream: registry.host, folder })).close();
    await expect(recordingRegistry({ upstream: 'quay.io', folder })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: `${folder} is a recording of ${registry.host}, not of quay.io: name another folder`,
    });
    const other = await tempFolder();
    await writeFile(join(other, 'letter.txt'), 'dear');
    await expect(recordingRegistry({ upstream: registry.host, folder: other })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(await readdir(other)).toEqual(['letter.txt']);
    await expect(replayRegistry({ folder: other })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: `there is no recording in ${other}: make one with recordingRegistry, or ocilot serve --record`,
    });
    await expect(recordingRegistry({ upstream: 'no host/x', folder: other })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it.each([
    ['{', 'recording.json'],
    ['{}', 'names no upstream'],
    ['{"upstream":"a.b","version":2}', 'expected version 1'],
    ['{"upstream":"a.b","version":1,"repositories":{"app":{"blobs":{"x":1}}}}', 'blob "x" of app'],
    ['{"upstream":"a.b","version":1,"repositories":{"app":{"manifests":{"1":{}}}}}', 'app:1'],
  ])('is refused with notes such as %s', async (text, message) => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'recording.json'), text);
    await expect(replayRegistry({ folder })).rejects.toThrow(message);
  });

  it('takes tags that are called like properties of objects', async () => {
    const folder = await tempFolder();
    const { registry } = await upstream();
    await registry.seed({ 'team/app': { constructor: randomImage() } });
    const recorder = await record({ upstream: registry.host, folder });
    await pull(recorder, 'constructor');
    expect((await recorder.fetch('/v2/team/app/manifests/__proto__')).status).toBe(404);
    await recorder.close();
    const player = await replay(folder);
    await pull(player, 'constructor');
    expect((await player.fetch('/v2/team/app/manifests/toString')).status).toBe(404);
  });
});
