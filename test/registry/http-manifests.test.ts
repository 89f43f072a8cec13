import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MEDIA_TYPES, digestOf } from '../../oci/index.js';
import {
  EMPTY,
  WAYS,
  blobOf,
  documentOf,
  imageOf,
  indexOf,
  open,
  pushBlob,
  pushManifest,
  type Document,
  type Site,
} from './helpers.js';

const IMAGE = imageOf();
const SHA512 = digestOf(IMAGE.bytes, 'sha512');

describe.each(WAYS)('a manifest, by %s', (way) => {
  let site: Site;
  beforeAll(async () => {
    site = await open({ manifests: { missing: 'strict' } }, way);
    await pushBlob(site, 'app', '{}');
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  const put = async (
    reference: string,
    { bytes, mediaType }: { bytes: Uint8Array | string; mediaType?: string },
    headers: Record<string, string> = {},
  ): ReturnType<Site['ask']> =>
    await site.ask('PUT', `/v2/app/manifests/${reference}`, {
      headers: { ...(mediaType === undefined ? {} : { 'content-type': mediaType }), ...headers },
      body: bytes,
    });

  it('is put under a tag', async () => {
    const { status, headers, bytes } = await put('v1', IMAGE);
    expect(status).toBe(201);
    expect(Object.fromEntries(headers)).toMatchObject({
      location: '/v2/app/manifests/v1',
      'docker-content-digest': IMAGE.digest,
      'content-length': '0',
      'docker-distribution-api-version': 'registry/2.0',
    });
    expect([headers.get('oci-subject'), headers.get('oci-tag'), bytes.byteLength]).toEqual([null, null, 0]);
  });

  it.each(['v1', IMAGE.digest])('is had by GET and HEAD of %s', async (reference) => {
    await put('v1', IMAGE);
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, bytes } = await site.ask(method, `/v2/app/manifests/${reference}`);
      expect(status).toBe(200);
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': MEDIA_TYPES.ociManifest,
        'content-length': String(IMAGE.bytes.byteLength),
        'docker-content-digest': IMAGE.digest,
        etag: `"${IMAGE.digest}"`,
      });
      expect(bytes.equals(method === 'GET' ? IMAGE.bytes : Buffer.alloc(0))).toBe(true);
    }
  });

  it('is put under a digest, of either algorithm', async () => {
    for (const digest of [IMAGE.digest, SHA512]) {
      const { status, headers } = await put(digest, IMAGE);
      expect([status, headers.get('location')]).toEqual([201, `/v2/app/manifests/${digest}`]);
      expect(headers.get('docker-content-digest')).toBe(digest);
      const got = await site.ask('GET', `/v2/app/manifests/${digest}`);
      expect([got.status, got.headers.get('docker-content-digest')]).toEqual([200, digest]);
    }
  });

  it('is put under a digest with tags', async () => {
    for (const digest of [IMAGE.digest, SHA512]) {
      const { status, headers } = await put(`${digest}?tag=a1&tag=b.2&tag=a1`, IMAGE);
      expect([status, headers.get('oci-tag')]).toEqual([201, 'a1, b.2']);
      for (const tag of ['a1', 'b.2']) {
        const got = await site.ask('HEAD', `/v2/app/manifests/${tag}`);
        expect(got.headers.get('docker-content-digest')).toBe(digest);
      }
    }
    const refused = await put(`${IMAGE.digest}?tag=ok&tag=-no`, IMAGE);
    expect([refused.status, refused.codes()]).toEqual([400, ['TAG_INVALID']]);
    expect((await site.ask('HEAD', '/v2/app/manifests/ok')).status).toBe(404);
  });

  it('takes no more than a hundred tags at once', async () => {
    const tags = (count: number): string =>
      Array.from({ length: count }, (_, index) => `tag=t${index}`).join('&');
    expect((await put(`${IMAGE.digest}?${tags(100)}`, IMAGE)).status).toBe(201);
    const refused = await put(`${IMAGE.digest}?${tags(101)}`, IMAGE);
    expect([refused.status, refused.codes()]).toEqual([414, ['TAG_INVALID']]);
  });

  it('names its subject, which need not be there', async () => {
    const { descriptor } = imageOf({ annotations: { not: 'here' } });
    for (const document of [imageOf({ subject: descriptor }), indexOf([], { subject: descriptor })]) {
      const { status, headers } = await put('attached', document);
      expect([status, headers.get('oci-subject')]).toEqual([201, descriptor.digest]);
    }
  });

  const TYPES: readonly [string, Document][] = [
    ['an image', IMAGE],
    ['an index', indexOf([IMAGE.descriptor])],
    ['an empty index', indexOf([])],
    ['an index with a blob in it', indexOf([EMPTY])],
    ['a nested index', indexOf([indexOf([]).descriptor])],
    ['a Docker image', documentOf({ mediaType: MEDIA_TYPES.dockerManifest, config: EMPTY, layers: [] })],
    ['a Docker list', documentOf({ mediaType: MEDIA_TYPES.dockerManifestList, manifests: [] })],
    ['unknown fields', imageOf({ unknown: { field: [1, null] } })],
    ['an artifact', imageOf({ artifactType: 'application/vnd.example+type' })],
    ['data in a descriptor', imageOf({ config: { ...EMPTY, data: 'e30=' } })],
  ];
  it.each(TYPES)('is kept byte for byte: %s', async (_, document) => {
    await put('v1', IMAGE);
    await put('empty', indexOf([]));
    expect((await put('it', document)).status).toBe(201);
    const got = await site.ask('GET', '/v2/app/manifests/it', { headers: { accept: '*/*' } });
    expect(got.bytes.equals(document.bytes)).toBe(true);
    expect(got.headers.get('content-type')).toBe(document.mediaType);
  });

  it('takes its type from where it is told', async () => {
    const { mediaType: _, ...rest } = JSON.parse(Buffer.from(IMAGE.bytes).toString()) as Record<
      string,
      unknown
    >;
    const untyped = Buffer.from(JSON.stringify(rest));
    const got = async (): Promise<string | null> =>
      (await site.ask('HEAD', '/v2/app/manifests/typed')).headers.get('content-type');
    expect((await put('typed', { bytes: untyped, mediaType: MEDIA_TYPES.dockerManifest })).status).toBe(201);
    expect(await got()).toBe(MEDIA_TYPES.dockerManifest);
    expect((await put('typed', { bytes: untyped })).status).toBe(201);
    expect(await got()).toBe(MEDIA_TYPES.ociManifest);
    const parameters = `${MEDIA_TYPES.ociManifest}; charset=utf-8`;
    expect((await put('typed', { bytes: IMAGE.bytes, mediaType: parameters })).status).toBe(201);
    expect(await got()).toBe(MEDIA_TYPES.ociManifest);
  });

  const missing = blobOf('missing').digest;
  const REFUSED: readonly [string, string | Uint8Array, string | undefined, string, unknown?][] = [
    ['no JSON', '{', MEDIA_TYPES.ociManifest, 'MANIFEST_INVALID'],
    ['nothing', '', MEDIA_TYPES.ociManifest, 'MANIFEST_INVALID'],
    ['no object', '[]', MEDIA_TYPES.ociManifest, 'MANIFEST_INVALID'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), MEDIA_TYPES.ociManifest, 'MANIFEST_INVALID'],
    ['no version', '{"layers":[]}', MEDIA_TYPES.ociManifest, 'MANIFEST_INVALID'],
    ['an unknown type', IMAGE.bytes, 'application/x', 'MANIFEST_INVALID'],
    ['another type than its own', IMAGE.bytes, MEDIA_TYPES.ociIndex, 'MANIFEST_INVALID'],
    ['schema 1', '{"schemaVersion":1}', MEDIA_TYPES.dockerSchema1, 'MANIFEST_INVALID'],
    [
      'a negative size',
      imageOf({ config: { ...EMPTY, size: -1 } }).bytes,
      MEDIA_TYPES.ociManifest,
      'MANIFEST_INVALID',
    ],
    [
      'data that is not what it says',
      imageOf({ config: { ...EMPTY, data: 'e31=' } }).bytes,
      MEDIA_TYPES.ociManifest,
      'MANIFEST_INVALID',
    ],
    [
      'layers that are not here',
      imageOf({ layers: [{ ...EMPTY, digest: missing }] }).bytes,
      MEDIA_TYPES.ociManifest,
      'MANIFEST_BLOB_UNKNOWN',
      missing,
    ],
    [
      'children that are not here',
      indexOf([imageOf({ annotations: { a: 'b' } }).descriptor]).bytes,
      MEDIA_TYPES.ociIndex,
      'MANIFEST_BLOB_UNKNOWN',
      imageOf({ annotations: { a: 'b' } }).digest,
    ],
  ];
  it.each(REFUSED)('is refused with %s', async (_, bytes, mediaType, code, detail) => {
    const answer = await put('bad', { bytes, ...(mediaType === undefined ? {} : { mediaType }) });
    expect([answer.status, answer.codes()]).toEqual([400, [code]]);
    expect(answer.headers.get('content-type')).toBe('application/json');
    if (detail !== undefined) expect(answer.json()).toMatchObject({ errors: [{ detail }] });
    expect((await site.ask('HEAD', '/v2/app/manifests/bad')).status).toBe(404);
  });

  it('names every blob that is missing', async () => {
    const digests = ['1', '2', '3'].map((text) => blobOf(text).digest);
    const layers = digests.map((digest) => ({ ...EMPTY, digest }));
    const answer = await put('bad', imageOf({ layers: [...layers, layers[0]] }));
    expect(answer.codes()).toEqual(Array.from({ length: 3 }, () => 'MANIFEST_BLOB_UNKNOWN'));
    const details = answer.json<{ errors: { detail: string }[] }>().errors.map(({ detail }) => detail);
    expect(details.toSorted()).toEqual(digests.toSorted());
  });

  it('names no more of them than somebody would read', async () => {
    const layers = Array.from({ length: 4096 }, (_, index) => ({
      mediaType: 'a/b',
      digest: `sha256:${index.toString(16).padStart(64, '0')}`,
      size: 1,
    }));
    const answer = await put('bad', imageOf({ layers }));
    expect(answer.status).toBe(400);
    expect(answer.codes()).toHaveLength(1000);
    expect(answer.bytes.byteLength).toBeLessThan(500_000);
  });

  it.each([
    ['sha256:baddigeststring', 400, 'DIGEST_INVALID'],
    [`sha256:${'0'.repeat(64)}`, 400, 'DIGEST_INVALID'],
    [`md5:${'0'.repeat(32)}`, 400, 'DIGEST_INVALID'],
    ['-tag', 400, 'TAG_INVALID'],
    ['x'.repeat(129), 400, 'TAG_INVALID'],
    ['a@b', 400, 'TAG_INVALID'],
  ])('is refused under %s', async (reference, status, code) => {
    const answer = await put(reference, IMAGE);
    expect([answer.status, answer.codes()]).toEqual([status, [code]]);
  });

  it.each([
    ['none', 404, 'MANIFEST_UNKNOWN'],
    [`sha256:${'0'.repeat(64)}`, 404, 'MANIFEST_UNKNOWN'],
    ['sha256:bad', 400, 'DIGEST_INVALID'],
    [`md5:${'0'.repeat(32)}`, 400, 'DIGEST_INVALID'],
    ['-no-tag', 404, 'MANIFEST_UNKNOWN'],
  ])('is not found under %s', async (reference, status, code) => {
    const answer = await site.ask('GET', `/v2/app/manifests/${reference}`);
    expect([answer.status, answer.codes()]).toEqual([status, [code]]);
    expect((await site.ask('HEAD', `/v2/app/manifests/${reference}`)).status).toBe(status);
    const unknown = await site.ask('GET', `/v2/nowhere/manifests/${reference}`);
    expect(unknown.codes()).toEqual([status === 404 ? 'NAME_UNKNOWN' : code]);
  });

  it('goes by its tag alone, or with every tag', async () => {
    const document = imageOf({ annotations: { to: 'delete' } });
    await put(`${document.digest}?tag=x&tag=y&tag=z`, document);
    const gone = async (reference: string): Promise<number> => {
      const { status } = await site.ask('DELETE', `/v2/app/manifests/${reference}`);
      expect((await site.ask('HEAD', `/v2/app/manifests/${reference}`)).status).toBe(404);
      return status;
    };
    expect(await gone('x')).toBe(202);
    expect((await site.ask('HEAD', `/v2/app/manifests/${document.digest}`)).status).toBe(200);
    expect((await site.ask('HEAD', '/v2/app/manifests/y')).status).toBe(200);
    expect(await gone(document.digest)).toBe(202);
    for (const tag of ['y', 'z']) expect(await gone(tag)).toBe(404);
    expect(await gone(document.digest)).toBe(404);
    expect((await site.ask('DELETE', '/v2/app/manifests/-no')).codes()).toEqual(['TAG_INVALID']);
    expect((await site.ask('DELETE', '/v2/nowhere/manifests/x')).codes()).toEqual(['NAME_UNKNOWN']);
  });

  it('comes with a warning when it has layers of a deprecated type', async () => {
    const layer = { ...EMPTY, digest: missing, mediaType: MEDIA_TYPES.ociLayerNonDistributableGzip };
    const warned = await put('foreign', imageOf({ layers: [layer, EMPTY] }));
    expect(warned.status).toBe(201);
    expect(warned.headers.get('warning')).toMatch(/^299 - "[^"]*deprecated: 1 [^"]*"$/);
    const fine = await put('fine', imageOf({ annotations: { note: 'nondistributable' } }));
    expect([fine.status, fine.headers.get('warning')]).toEqual([201, null]);
  });

  it('may be as large as the limit, and no larger', async () => {
    await using small = await open({ manifestLimit: 4000 }, way);
    const sized = (size: number): Document => {
      const { byteLength } = imageOf({ annotations: { fill: '' } }).bytes;
      return imageOf({ annotations: { fill: 'x'.repeat(size - byteLength) } });
    };
    await pushManifest(small, 'app', 'v1', sized(4000));
    const refused = await small.ask('PUT', '/v2/app/manifests/v2', { body: sized(4001).bytes });
    expect([refused.status, refused.codes()]).toEqual([413, ['MANIFEST_INVALID']]);
  });

  it('of 3.9 MB is taken by default', async () => {
    const document = imageOf({ annotations: { fill: 'x'.repeat(3_900_000) } });
    expect((await put('large', document)).status).toBe(201);
    expect((await site.ask('GET', '/v2/app/manifests/large')).bytes.equals(document.bytes)).toBe(true);
  });
});
