import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../oci/index.js';
import {
  WAYS,
  blobOf,
  documentOf,
  EMPTY,
  imageOf,
  open,
  patterned,
  pushBlob,
  pushManifest,
  type Site,
} from './helpers.js';

const BYTES = patterned(2000);
const DIGEST = digestOf(BYTES);
const PATH = `/v2/team/app/blobs/${DIGEST}`;

describe.each(WAYS)('a blob, by %s', (way) => {
  let site: Site;
  beforeAll(async () => {
    site = await open({}, way);
    await pushBlob(site, 'team/app', BYTES);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  const all = {
    'docker-content-digest': DIGEST,
    etag: `"${DIGEST}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=31536000, immutable',
    'docker-distribution-api-version': 'registry/2.0',
  };

  it('is had by GET', async () => {
    const { status, headers, bytes } = await site.ask('GET', PATH);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      ...all,
      'content-length': '2000',
      'content-type': 'application/octet-stream',
    });
    expect(bytes.equals(BYTES)).toBe(true);
  });

  it('is told of by HEAD, without its bytes', async () => {
    const { status, headers, bytes } = await site.ask('HEAD', PATH);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      ...all,
      'content-length': '2000',
      'content-type': 'application/octet-stream',
    });
    expect(bytes.byteLength).toBe(0);
  });

  it.each([
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, 1999],
    ['bytes=-500', 1500, 1999],
    ['bytes=0-0', 0, 0],
    ['bytes=1999-1999', 1999, 1999],
    ['bytes=1900-99999', 1900, 1999],
    ['bytes=-99999', 0, 1999],
    [`bytes=0-${'9'.repeat(400)}`, 0, 1999],
    ['Bytes=0-1', 0, 1],
    ['bytes= 0 - 1 ', 0, 1],
  ])('is had in part: %s', async (range, first, last) => {
    const { status, headers, bytes } = await site.ask('GET', PATH, { headers: { range } });
    expect(status).toBe(206);
    expect(Object.fromEntries(headers)).toMatchObject({
      ...all,
      'content-length': String(last - first + 1),
      'content-range': `bytes ${first}-${last}/2000`,
    });
    expect(bytes.equals(BYTES.subarray(first, last + 1))).toBe(true);
  });

  it.each(['bytes=2000-', 'bytes=500-0', 'bytes=-0', `bytes=${'9'.repeat(400)}-`])(
    'has no such part: %s',
    async (range) => {
      const answer = await site.ask('GET', PATH, { headers: { range } });
      expect(answer.status).toBe(416);
      expect(answer.headers.get('content-range')).toBe('bytes */2000');
      expect(answer.headers.get('accept-ranges')).toBe('bytes');
      expect(answer.codes()).toEqual(['RANGE_INVALID']);
    },
  );

  it.each([
    'bytes=',
    'bytes=-',
    'bytes=0-1,5-6',
    'items=0-1',
    'bytes=a-b',
    '0-1',
    'bytes=1--2',
    'bytes=0x1-2',
  ])('is had whole when the range is none that is known here: %s', async (range) => {
    const { status, bytes } = await site.ask('GET', PATH, { headers: { range } });
    expect(status).toBe(200);
    expect(bytes.byteLength).toBe(2000);
  });

  it('is had whole, and soon, when the range is as long as a header may be', async () => {
    const range = `bytes=${' '.repeat(15_000)}x`;
    for (let count = 0; count < 400; count++) {
      const { status } = await site.ask('GET', PATH, { headers: { range } });
      expect(status).toBe(200);
    }
  });

  it('ignores a range on HEAD', async () => {
    const { status, headers } = await site.ask('HEAD', PATH, { headers: { range: 'bytes=0-1' } });
    expect([status, headers.get('content-length')]).toEqual([200, '2000']);
  });

  it.each([
    [`"${DIGEST}"`, 206],
    [`"${EMPTY.digest}"`, 200],
    [`W/"${DIGEST}"`, 200],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 200],
  ])('is had in part If-Range: %s', async (validator, status) => {
    const headers = { range: 'bytes=0-1', 'if-range': validator };
    expect((await site.ask('GET', PATH, { headers })).status).toBe(status);
  });

  it.each([
    [`"${DIGEST}"`, 304],
    [`W/"${DIGEST}"`, 304],
    [DIGEST, 304],
    ['*', 304],
    [`"x", "${DIGEST}"`, 304],
    ['"x"', 200],
    ['""', 200],
  ])('is not sent again If-None-Match: %s', async (tag, status) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await site.ask(method, PATH, { headers: { 'if-none-match': tag } });
      expect(answer.status).toBe(status);
      expect(Object.fromEntries(answer.headers)).toMatchObject(all);
      if (status === 304) expect(answer.bytes.byteLength).toBe(0);
    }
  });

  it('echoes the namespace a mirror is asked for', async () => {
    const ask = async (ns: string): Promise<string | null> =>
      (await site.ask('GET', `${PATH}?ns=${encodeURIComponent(ns)}`)).headers.get('oci-namespace');
    expect(await ask('docker.io')).toBe('docker.io');
    expect(await ask('registry.example:5000')).toBe('registry.example:5000');
    for (const bad of ['a\r\nX: y', 'a b', '', 'ü', 'x'.repeat(300)]) expect(await ask(bad)).toBeNull();
  });

  it('is only seen in its repository', async () => {
    await pushBlob(site, 'other', 'other');
    const elsewhere = await site.ask('GET', `/v2/other/blobs/${DIGEST}`);
    expect([elsewhere.status, elsewhere.codes()]).toEqual([404, ['BLOB_UNKNOWN']]);
    const nowhere = await site.ask('GET', `/v2/nowhere/blobs/${DIGEST}`);
    expect([nowhere.status, nowhere.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
    expect((await site.ask('HEAD', `/v2/nowhere/blobs/${DIGEST}`)).status).toBe(404);
  });

  it('goes at once when it is deleted', async () => {
    const { digest } = await pushBlob(site, 'team/app', 'short-lived');
    const path = `/v2/team/app/blobs/${digest}`;
    const deleted = await site.ask('DELETE', path);
    expect([deleted.status, deleted.headers.get('content-length')]).toEqual([202, '0']);
    expect((await site.ask('HEAD', path)).status).toBe(404);
    const again = await site.ask('DELETE', path);
    expect([again.status, again.codes()]).toEqual([404, ['BLOB_UNKNOWN']]);
    await pushBlob(site, 'team/app', 'short-lived');
    expect((await site.ask('GET', path)).bytes.toString()).toBe('short-lived');
  });

  it('stays while a manifest of its repository needs it', async () => {
    await pushManifest(site, 'needed', 'v1');
    const path = `/v2/needed/blobs/${EMPTY.digest}`;
    const refused = await site.ask('DELETE', path);
    expect([refused.status, refused.codes()]).toEqual([405, ['UNSUPPORTED']]);
    expect(refused.bytes.toString()).toContain(imageOf().digest);
    expect(refused.headers.get('allow')).toBe('GET, HEAD');
    expect((await site.ask('DELETE', `/v2/needed/manifests/${imageOf().digest}`)).status).toBe(202);
    expect((await site.ask('DELETE', path)).status).toBe(202);
  });

  it('is had by its sha512', async () => {
    const { bytes, digest } = blobOf('long name', 'sha512');
    const pushed = await site.ask('POST', `/v2/team/app/blobs/uploads/?digest=${digest}`, { body: bytes });
    expect([pushed.status, pushed.headers.get('docker-content-digest')]).toEqual([201, digest]);
    const got = await site.ask('GET', pushed.headers.get('location') ?? '');
    expect(got.headers.get('docker-content-digest')).toBe(digest);
    expect(got.bytes.toString()).toBe('long name');
  });

  it('may be empty', async () => {
    const { digest } = await pushBlob(site, 'team/app', '');
    const path = `/v2/team/app/blobs/${digest}`;
    const got = await site.ask('GET', path);
    expect([got.status, got.headers.get('content-length'), got.bytes.byteLength]).toEqual([200, '0', 0]);
    const ranged = await site.ask('GET', path, { headers: { range: 'bytes=0-0' } });
    expect([ranged.status, ranged.headers.get('content-range')]).toEqual([416, 'bytes */0']);
  });

  it('may be large', async () => {
    const bytes = patterned(3 * 1024 * 1024 + 7);
    const { digest } = await pushBlob(site, 'team/app', bytes);
    const got = await site.ask('GET', `/v2/team/app/blobs/${digest}`);
    expect(`sha256:${createHash('sha256').update(got.bytes).digest('hex')}`).toBe(digest);
    const part = await site.ask('GET', `/v2/team/app/blobs/${digest}`, {
      headers: { range: 'bytes=1048570-1048590' },
    });
    expect(part.bytes.equals(bytes.subarray(1_048_570, 1_048_591))).toBe(true);
  });

  it('is no manifest', async () => {
    const image = documentOf({ mediaType: imageOf().mediaType, config: EMPTY, layers: [] });
    const { digest } = await pushBlob(site, 'blobs-only', image.bytes);
    expect((await site.ask('GET', `/v2/blobs-only/manifests/${digest}`)).codes()).toEqual([
      'MANIFEST_UNKNOWN',
    ]);
  });
});
