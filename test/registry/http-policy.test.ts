import { describe, expect, it } from 'vitest';
import {
  EMPTY,
  WAYS,
  blobOf,
  imageOf,
  indexOf,
  open,
  pushBlob,
  pushManifest,
  startUpload,
  type Answer,
} from './helpers.js';

const one = imageOf({ annotations: { n: '1' } });
const two = imageOf({ annotations: { n: '2' } });

const refusal = (answer: Answer): [number, string[]] => [answer.status, answer.codes()];

describe.each(WAYS)('immutable tags, by %s', (way) => {
  it('stay where they are', async () => {
    await using site = await open(
      { immutableTags: [{ repository: 'prod/**', tag: 'v*' }, { repository: 'frozen' }] },
      way,
    );
    await pushManifest(site, 'prod/app', 'v1', one);
    await pushManifest(site, 'prod/app', 'v1', one);
    const put = async (repo: string, tag: string): Promise<Answer> =>
      await site.ask('PUT', `/v2/${repo}/manifests/${tag}`, {
        headers: { 'content-type': two.mediaType },
        body: two.bytes,
      });
    expect(refusal(await put('prod/app', 'v1'))).toEqual([403, ['DENIED']]);
    expect(refusal(await put('prod/app', `${two.digest}?tag=v1&tag=other`))).toEqual([403, ['DENIED']]);
    expect((await site.ask('HEAD', '/v2/prod/app/manifests/other')).status).toBe(404);
    expect(refusal(await site.ask('DELETE', '/v2/prod/app/manifests/v1'))).toEqual([403, ['DENIED']]);
    expect(refusal(await site.ask('DELETE', `/v2/prod/app/manifests/${one.digest}`))).toEqual([
      403,
      ['DENIED'],
    ]);
    expect((await site.ask('HEAD', '/v2/prod/app/manifests/v1')).headers.get('docker-content-digest')).toBe(
      one.digest,
    );
    expect((await put('prod/app', 'latest')).status).toBe(201);
    await pushManifest(site, 'prod/app', 'latest', one);
    await pushManifest(site, 'frozen', 'anything', one);
    expect(refusal(await put('frozen', 'anything'))).toEqual([403, ['DENIED']]);
    await pushManifest(site, 'dev/app', 'v1', one);
    expect((await put('dev/app', 'v1')).status).toBe(201);
  });
});

describe.each(WAYS)('a quota, by %s', (way) => {
  it('counts what is distinct below its prefix', async () => {
    await using site = await open({ quotas: { team: 100 } }, way);
    const post = async (repo: string, content: string): Promise<Answer> => {
      const { bytes, digest } = blobOf(content);
      return await site.ask('POST', `/v2/${repo}/blobs/uploads/?digest=${digest}`, { body: bytes });
    };
    expect((await post('team/a', 'x'.repeat(60))).status).toBe(201);
    expect(refusal(await post('team/b', 'y'.repeat(60)))).toEqual([403, ['DENIED']]);
    expect((await post('team/b', 'y'.repeat(40))).status).toBe(201);
    expect((await post('teams', 'y'.repeat(500))).status).toBe(201);
    const shared = blobOf('x'.repeat(60)).digest;
    const mounted = await site.ask('POST', `/v2/team/b/blobs/uploads/?mount=${shared}&from=team/a`);
    expect(mounted.status).toBe(201);
    expect((await site.ask('DELETE', `/v2/team/b/blobs/${blobOf('y'.repeat(40)).digest}`)).status).toBe(202);
    expect((await post('team/c', 'z'.repeat(40))).status).toBe(201);
  });

  it('is told at the start of an upload that says its length', async () => {
    await using site = await open({ quotas: { '': 100 } }, way);
    const session = await startUpload(site, 'app');
    const refused = await site.ask('PATCH', session, { body: 'x'.repeat(101) });
    expect(refusal(refused)).toEqual([403, ['DENIED']]);
    expect(refused.json()).toMatchObject({ errors: [{ detail: { limit: 100 } }] });
    expect((await site.ask('PATCH', session, { body: 'x'.repeat(99) })).status).toBe(202);
  });

  it('holds for mounts too', async () => {
    await using site = await open({ quotas: { small: 10 } }, way);
    const { digest } = await pushBlob(site, 'large', 'x'.repeat(100));
    const { status } = await site.ask('POST', `/v2/small/blobs/uploads/?mount=${digest}&from=large`);
    expect([202, 403]).toContain(status);
    expect((await site.ask('HEAD', `/v2/small/blobs/${digest}`)).status).toBe(404);
  });
});

describe.each(WAYS)('a registry, by %s', (way) => {
  it('that is read-only takes nothing', async () => {
    await using site = await open({ readOnly: true }, way);
    for (const [method, path] of [
      ['POST', '/v2/app/blobs/uploads/'],
      ['PATCH', '/v2/app/blobs/uploads/x'],
      ['PUT', '/v2/app/blobs/uploads/x'],
      ['DELETE', '/v2/app/blobs/uploads/x'],
      ['PUT', '/v2/app/manifests/v1'],
      ['DELETE', '/v2/app/manifests/v1'],
      ['DELETE', `/v2/app/blobs/${EMPTY.digest}`],
    ] as const)
      expect(refusal(await site.ask(method, path))).toEqual([403, ['DENIED']]);
    expect((await site.ask('GET', '/v2/')).status).toBe(200);
    expect((await site.ask('GET', '/v2/_catalog')).status).toBe(200);
  });

  it('without deletes keeps all, but uploads may be given up', async () => {
    await using site = await open({ deletes: { enabled: false } }, way);
    await pushManifest(site, 'app', 'v1', one);
    for (const [path, allow] of [
      ['manifests/v1', 'GET, HEAD, PUT'],
      [`manifests/${one.digest}`, 'GET, HEAD, PUT'],
      [`blobs/${EMPTY.digest}`, 'GET, HEAD'],
    ] as const) {
      const answer = await site.ask('DELETE', `/v2/app/${path}`);
      expect(refusal(answer)).toEqual([405, ['UNSUPPORTED']]);
      expect(answer.headers.get('allow')).toBe(allow);
    }
    expect((await site.ask('DELETE', await startUpload(site, 'app'))).status).toBe(204);
  });

  it('that protects children keeps what an index needs', async () => {
    await using site = await open({ deletes: { protectChildren: true } }, way);

    const index = indexOf([one.descriptor]);
    await pushManifest(site, 'app', one.digest, one);
    await pushManifest(site, 'app', 'multi', index);
    expect(refusal(await site.ask('DELETE', `/v2/app/manifests/${one.digest}`))).toEqual([403, ['DENIED']]);
    expect((await site.ask('DELETE', `/v2/app/manifests/${index.digest}`)).status).toBe(202);
    expect((await site.ask('DELETE', `/v2/app/manifests/${one.digest}`)).status).toBe(202);
  });

  it.each([
    ['strict', 400, 400],
    ['platforms', 400, 201],
    ['off', 201, 201],
  ] as const)('with missing: %s takes manifests of what is not here', async (missing, image, index) => {
    await using site = await open({ manifests: { missing } }, way);

    const put = async (document: ReturnType<typeof imageOf>): Promise<number> =>
      (
        await site.ask('PUT', `/v2/app/manifests/${document.digest}`, {
          headers: { 'content-type': document.mediaType },
          body: document.bytes,
        })
      ).status;
    await pushBlob(site, 'app', '{}');
    expect(await put(one)).toBe(201);
    expect(await put(imageOf({ layers: [{ ...EMPTY, digest: blobOf('no').digest }] }))).toBe(image);
    expect(await put(indexOf([one.descriptor, two.descriptor]))).toBe(index);
    expect(await put(indexOf([two.descriptor]))).toBe(missing === 'off' ? 201 : 400);
  });

  it('tells what failed in it, and its client no more than that', async () => {
    const failures: unknown[] = [];
    await using site = await open({ onError: (error) => void failures.push(error) }, way);
    await site.registry.store.close();
    const answer = await site.ask('GET', '/v2/app/tags/list');
    expect([answer.status, answer.codes()]).toEqual([503, ['UNAVAILABLE']]);
    expect(failures).toHaveLength(1);
  });

  it('answers also when the one who is told of failures fails', async () => {
    const onError = (): void => {
      throw new Error('the log is full');
    };
    await using site = await open({ onError, onRequest: onError }, way);
    await site.registry.store.close();
    const answer = await site.ask('GET', '/v2/app/tags/list');
    expect(refusal(answer)).toEqual([503, ['UNAVAILABLE']]);
    expect((await site.ask('GET', '/v2/')).status).toBe(200);
    const local = await site.registry.administer(new Request('http://localhost/_ocilot/nothing'));
    expect(local.status).toBe(404);
  });

  it('that was closed says so', async () => {
    await using site = await open({}, way);
    expect((await site.ask('GET', '/v2/')).status).toBe(200);
    await site.registry.close();
    for (const path of ['/v2/', '/v2/_catalog'])
      expect(refusal(await site.ask('GET', path))).toEqual([503, ['UNAVAILABLE']]);
  });

  it('goes on when the one who watches it fails', async () => {
    const failures: unknown[] = [];
    await using site = await open(
      {
        onRequest: () => {
          throw new Error('the log is full');
        },
        onError: (error) => void failures.push(error),
      },
      way,
    );
    expect((await site.ask('GET', '/v2/')).status).toBe(200);
    expect(failures.map(String)).toEqual(['Error: the log is full']);
  });
});

describe('too many uploads', () => {
  it('are answered with 429 until one has ended', async () => {
    await using site = await open({ maxUploads: 1 });
    const session = await startUpload(site, 'app');
    const answer = await site.ask('POST', '/v2/app/blobs/uploads/');
    expect(refusal(answer)).toEqual([429, ['TOOMANYREQUESTS']]);
    expect(answer.headers.get('retry-after')).toBe('1');
    await site.ask('DELETE', session);
    await startUpload(site, 'app');
  });
});
