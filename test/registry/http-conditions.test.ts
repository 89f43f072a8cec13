import { beforeEach, afterEach, describe, expect, it } from 'vitest';
import { MEDIA_TYPES } from '../../oci/index.js';
import { documentOf, EMPTY, imageOf, indexOf, open, pushBlob, type Document, type Site } from './helpers.js';
import { exchange, head } from './raw.js';

let site: Site;
beforeEach(async () => {
  site = await open({}, 'socket');
  await pushBlob(site, 'app', '{}');
});
afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

const put = async (reference: string, document: Document, headers = {}): Promise<number> =>
  (
    await site.ask('PUT', `/v2/app/manifests/${reference}`, {
      headers: { 'content-type': document.mediaType, ...headers },
      body: document.bytes,
    })
  ).status;

describe('a condition on a push', () => {
  const one = imageOf({ annotations: { n: '1' } });
  const two = imageOf({ annotations: { n: '2' } });

  it('If-None-Match: * only makes a new tag', async () => {
    expect(await put('v', one, { 'if-none-match': '*' })).toBe(201);
    expect(await put('v', two, { 'if-none-match': '*' })).toBe(412);
    const refused = await site.ask('PUT', '/v2/app/manifests/v', {
      headers: { 'if-none-match': '*' },
      body: two.bytes,
    });
    expect(refused.codes()).toEqual(['DENIED']);
    expect(refused.json()).toMatchObject({ errors: [{ detail: { tag: 'v', digest: one.digest } }] });
  });

  it('If-Match only moves a tag that is where it is thought to be', async () => {
    expect(await put('v', one, { 'if-match': '*' })).toBe(412);
    expect(await put('v', one)).toBe(201);
    expect(await put('v', two, { 'if-match': `"${two.digest}"` })).toBe(412);
    expect(await put('v', two, { 'if-match': `"x", "${one.digest}"` })).toBe(201);
    expect(await put('v', one, { 'if-match': '*' })).toBe(201);
  });

  it('If-Match compares strongly: a weak tag matches nothing, nor does a quoted star', async () => {
    expect(await put('v', one)).toBe(201);
    expect(await put('v', two, { 'if-match': `W/"${one.digest}"` })).toBe(412);
    expect(await put('v', two, { 'if-match': '"*"' })).toBe(412);
    expect(await put('v', two, { 'if-match': `W/"x", "${one.digest}"` })).toBe(201);
    expect(await put('v', one, { 'if-none-match': `W/"${two.digest}"` })).toBe(412);
  });

  it('by digest without tags is one on the manifest itself', async () => {
    expect(await put(one.digest, one, { 'if-match': '*' })).toBe(412);
    expect(await put(one.digest, one, { 'if-none-match': '*' })).toBe(201);
    expect(await put(one.digest, one, { 'if-none-match': '*' })).toBe(412);
    expect(await put(one.digest, one, { 'if-match': `"${two.digest}"` })).toBe(412);
    expect(await put(one.digest, one, { 'if-match': `"${one.digest}"` })).toBe(201);
  });

  it('is of one mind when many push at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        put('v', imageOf({ annotations: { n: String(n) } }), { 'if-none-match': '*' }),
      ),
    );
    expect(answers.filter((status) => status === 201)).toHaveLength(1);
    expect(answers.filter((status) => status === 412)).toHaveLength(9);
  });
});

describe('a condition on a delete', () => {
  const refused = { 'if-match': '"sha256:other"' };

  it.each(['tag', 'manifest', 'blob'])('of a %s is kept', async (kind) => {
    const image = imageOf();
    await put('v', image);
    const { digest } = await pushBlob(site, 'app', 'alone');
    const [path, tag] = {
      tag: ['manifests/v', image.digest] as const,
      manifest: [`manifests/${image.digest}`, image.digest] as const,
      blob: [`blobs/${digest}`, digest] as const,
    }[kind] ?? ['', ''];
    const remove = async (headers: Record<string, string>): Promise<number> =>
      (await site.ask('DELETE', `/v2/app/${path}`, { headers })).status;
    expect(await remove(refused)).toBe(412);
    expect(await remove({ 'if-match': `W/"${tag}"` })).toBe(412);
    expect(await remove({ 'if-none-match': `"${tag}"` })).toBe(412);
    expect(await remove({ 'if-none-match': '*' })).toBe(412);
    expect(await remove({ 'if-match': `"${tag}"` })).toBe(202);
    expect(await remove(refused)).toBe(404);
  });
});

describe('a condition on a read', () => {
  it.each(['GET', 'HEAD'])('If-Match of something else is answered with 412 (%s)', async (method) => {
    const image = imageOf();
    await put('v', image);
    const { digest } = await pushBlob(site, 'app', 'alone');
    for (const [path, tag] of [
      ['manifests/v', image.digest],
      [`manifests/${image.digest}`, image.digest],
      [`blobs/${digest}`, digest],
    ]) {
      const status = async (headers: Record<string, string>): Promise<number> =>
        (await site.ask(method, `/v2/app/${path}`, { headers })).status;
      expect(await status({ 'if-match': '"other"' })).toBe(412);
      expect(await status({ 'if-match': `W/"${tag}"` })).toBe(412);
      expect(await status({ 'if-match': `"other", "${tag}"` })).toBe(200);
      expect(await status({ 'if-match': '*' })).toBe(200);
      expect(await status({ 'if-match': '"other"', 'if-none-match': '*' })).toBe(412);
      expect(await status({ 'if-none-match': `W/"${tag}"` })).toBe(304);
    }
  });

  it('is answered with 304 when nothing has changed', async () => {
    const image = imageOf();
    await put('v', image);
    for (const reference of ['v', image.digest]) {
      for (const [tag, status] of [
        [`"${image.digest}"`, 304],
        ['*', 304],
        ['"other"', 200],
      ] as const) {
        const answer = await site.ask('GET', `/v2/app/manifests/${reference}`, {
          headers: { 'if-none-match': tag },
        });
        expect([answer.status, answer.headers.get('etag')]).toEqual([status, `"${image.digest}"`]);
        expect(answer.headers.get('docker-content-digest')).toBe(image.digest);
      }
    }
  });
});

describe('what a client accepts', () => {
  const amd64 = imageOf({ annotations: { of: 'amd64' } });
  const arm64 = imageOf({ annotations: { of: 'arm64' } });
  const index = indexOf([
    { ...arm64.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
    { ...amd64.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
  ]);
  const { ociIndex, ociManifest, dockerManifest, dockerManifestList, dockerSchema1Signed } = MEDIA_TYPES;

  beforeEach(async () => {
    await put(amd64.digest, amd64);
    await put(arm64.digest, arm64);
    await put('multi', index);
    await put('single', amd64);
  });

  const digestFor = async (reference: string, ...accept: string[]): Promise<string | null> => {
    const text = await exchange(
      site.url,
      head(
        `GET /v2/app/manifests/${reference} HTTP/1.1`,
        'Host: x',
        ...accept.map((line) => `Accept: ${line}`),
        'Connection: close',
      ),
    );
    return /^docker-content-digest: (.*)\r$/m.exec(text)?.[1] ?? null;
  };

  it('is anything when it says nothing or says so', async () => {
    for (const accept of [[], ['*/*'], ['application/*'], ['text/html, */*;q=0.1'], ['']])
      expect(await digestFor('multi', ...accept)).toBe(index.digest);
  });

  it('may be said in many lines and with weights', async () => {
    expect(await digestFor('multi', `${ociManifest};q=0.5`, `${dockerManifest}, ${ociIndex} ; q=0.1`)).toBe(
      index.digest,
    );
    expect(await digestFor('multi', ociManifest.toUpperCase(), ociIndex.toUpperCase())).toBe(index.digest);
  });

  it('is the linux/amd64 image for clients that know no index', async () => {
    expect(await digestFor('multi', dockerManifest, `${dockerSchema1Signed};q=0.3`)).toBe(amd64.digest);
    expect(await digestFor('multi', `${ociManifest}, ${ociIndex};q=0`)).toBe(amd64.digest);
    const { headers, bytes } = await site.ask('GET', '/v2/app/manifests/multi', {
      headers: { accept: ociManifest },
    });
    expect(headers.get('content-type')).toBe(ociManifest);
    expect(bytes.equals(amd64.bytes)).toBe(true);
    expect(headers.get('vary')).toBe('Accept');
  });

  it('is not asked of a digest, nor of an image', async () => {
    expect(await digestFor(index.digest, ociManifest)).toBe(index.digest);
    expect(await digestFor('single', ociIndex)).toBe(amd64.digest);
    expect(await digestFor('single', dockerManifest)).toBe(amd64.digest);
  });

  it('is sent what there is when nothing would do', async () => {
    expect(await digestFor('multi', 'text/html')).toBe(index.digest);
    expect(await digestFor('multi', dockerManifestList)).toBe(index.digest);
    await put(
      'foreign',
      indexOf([{ ...arm64.descriptor, platform: { os: 'linux', architecture: 'arm64' } }]),
    );
    expect(await digestFor('foreign', ociManifest)).not.toBe(arm64.digest);
    await put('blobs', indexOf([EMPTY]));
    expect(await digestFor('blobs', ociManifest)).toBe(indexOf([EMPTY]).digest);
  });

  it('is judged before whether it has changed', async () => {
    const path = '/v2/app/manifests/multi';
    const headers = { accept: ociManifest, 'if-none-match': `"${index.digest}"` };
    expect((await site.ask('GET', path, { headers })).status).toBe(200);
    const seen = { ...headers, 'if-none-match': `"${amd64.digest}"` };
    expect((await site.ask('GET', path, { headers: seen })).status).toBe(304);
  });
});

it('a Docker list is one too', async () => {
  const list = documentOf({ mediaType: MEDIA_TYPES.dockerManifestList, manifests: [] });
  expect(await put('list', list)).toBe(201);
  const got = await site.ask('GET', '/v2/app/manifests/list', {
    headers: { accept: MEDIA_TYPES.dockerManifest },
  });
  expect(got.headers.get('content-type')).toBe(MEDIA_TYPES.dockerManifestList);
});
