import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAYS, blobOf, open, patterned, startUpload, type Answer, type Site } from './helpers.js';

describe.each(WAYS)('an upload in chunks, by %s', (way) => {
  let site: Site;
  beforeAll(async () => {
    site = await open({}, way);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  const patch = async (session: string, range: string, body: Uint8Array | string): Promise<Answer> =>
    await site.ask('PATCH', session, { headers: { 'content-range': range }, body });

  it.each([10, 600_000])('takes them in order, refuses others, and goes on: %i bytes each', async (size) => {
    const { bytes, digest } = blobOf(patterned(size * 3));
    const session = await startUpload(site, 'app');
    const part = (index: number): Uint8Array => bytes.subarray(index * size, (index + 1) * size);
    const rangeOf = (index: number): string => `${index * size}-${(index + 1) * size - 1}`;
    for (const index of [0, 1, 2]) {
      // A gap, an overlap, a repeat: the upload stays where it is.
      for (const wrong of [index + 1, index - 1].filter((other) => other >= 0)) {
        const refused = await patch(session, rangeOf(wrong), part(index));
        expect([refused.status, refused.codes()]).toEqual([416, ['RANGE_INVALID']]);
        expect(refused.headers.get('location')).toBe(session);
        expect(refused.headers.get('range')).toBe(`0-${Math.max(0, index * size - 1)}`);
        const asked = await site.ask('GET', session);
        expect([asked.status, asked.headers.get('range')]).toEqual([204, refused.headers.get('range')]);
      }
      if (index === 2) break;
      const taken = await patch(session, rangeOf(index), part(index));
      expect([taken.status, taken.headers.get('range')]).toEqual([202, `0-${(index + 1) * size - 1}`]);
    }
    const close = async (range: string): Promise<Answer> =>
      await site.ask('PUT', `${session}?digest=${digest}`, {
        headers: { 'content-range': range },
        body: part(2),
      });
    const refused = await close(rangeOf(1));
    expect([refused.status, refused.headers.get('location')]).toEqual([416, session]);
    expect(refused.headers.get('range')).toBe(`0-${2 * size - 1}`);
    expect((await close(rangeOf(2))).status).toBe(201);
    expect((await site.ask('GET', `/v2/app/blobs/${digest}`)).bytes.equals(bytes)).toBe(true);
  });

  it('may have the last in a PATCH', async () => {
    const session = await startUpload(site, 'app');
    await patch(session, '0-2', 'abc');
    await patch(session, '3-5', 'def');
    expect((await site.ask('PUT', `${session}?digest=${blobOf('abcdef').digest}`)).status).toBe(201);
  });

  it.each(['bytes 0-2', 'bytes 0-2/*', '0-2/3', ' 0-2 '])('takes the range as %s', async (range) => {
    const session = await startUpload(site, 'app');
    expect((await patch(session, range, 'abc')).headers.get('range')).toBe('0-2');
  });

  it.each(['0', '2-0', 'a-b', '-2', '0-', '0-2,3-4', '0x0-2', '0-99999999999999999999', 'items 0-2', '*'])(
    'refuses a range that is none: %s',
    async (range) => {
      const session = await startUpload(site, 'app');
      const refused = await patch(session, range, 'abc');
      expect([refused.status, refused.codes()]).toEqual([416, ['RANGE_INVALID']]);
      expect(refused.headers.get('location')).toBe(session);
      expect((await site.ask('GET', session)).headers.get('range')).toBe('0-0');
    },
  );

  it('refuses a range that the length contradicts', async () => {
    const session = await startUpload(site, 'app');
    const refused = await patch(session, '0-9', 'abc');
    expect([refused.status, refused.codes()]).toEqual([400, ['SIZE_INVALID']]);
    expect((await site.ask('GET', session)).status).toBe(204);
  });

  it.each([
    ['less', '0-9', 'abc', '0-2'],
    ['more', '0-1', 'abc', '0-0'],
  ])('keeps no more than was said when %s comes', async (_, range, text, kept) => {
    const session = await startUpload(site, 'app');
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from(text));
        controller.close();
      },
    });
    const refused = await site.ask('PATCH', session, { headers: { 'content-range': range }, body });
    expect([refused.status, refused.codes()]).toEqual([400, ['SIZE_INVALID']]);
    expect((await site.ask('GET', session)).headers.get('range')).toBe(kept);
  });

  it('refuses one for an upload that is not there', async () => {
    const refused = await patch('/v2/app/blobs/uploads/0123456789abcdef0123456789abcdef', '0-2', 'abc');
    expect([refused.status, refused.codes()]).toEqual([404, ['BLOB_UPLOAD_UNKNOWN']]);
    const malformed = await patch('/v2/app/blobs/uploads/0123456789abcdef0123456789abcdef', 'x', 'abc');
    expect([malformed.status, malformed.codes()]).toEqual([404, ['BLOB_UPLOAD_UNKNOWN']]);
  });
});

describe('a body that the registry is handed', () => {
  it('may fail: what came is kept, and the client is to blame', async () => {
    await using site = await open();
    const session = await startUpload(site, 'app');
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ === 0) controller.enqueue(Buffer.from('abc'));
        else controller.error(new Error('the line is dead'));
      },
    });
    const failed = await site.ask('PATCH', session, { body });
    expect([failed.status, failed.codes()]).toEqual([400, ['SIZE_INVALID']]);
    expect((await site.ask('GET', session)).headers.get('range')).toBe('0-2');
  });

  it('must be as long as it says', async () => {
    await using site = await open();
    const { digest, bytes } = blobOf('abc');
    for (const length of ['2', '4', '-1', 'x', '1e1', '']) {
      const refused = await site.ask('POST', `/v2/app/blobs/uploads/?digest=${digest}`, {
        headers: { 'content-length': length },
        body: bytes,
      });
      expect([refused.status, refused.codes()]).toEqual([400, ['SIZE_INVALID']]);
    }
  });

  it('must be bytes', async () => {
    await using site = await open();
    const session = await startUpload(site, 'app');
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue('text');
        controller.close();
      },
    });
    const refused = await site.ask('PATCH', session, { body: body as ReadableStream<Uint8Array> });
    expect([refused.status, refused.codes()]).toEqual([400, ['SIZE_INVALID']]);
  });

  it('is let go of when it is not wanted', async () => {
    await using site = await open({ manifestLimit: 10 });
    let canceled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(8)),
      cancel() {
        canceled = true;
      },
    });
    const refused = await site.ask('PUT', '/v2/app/manifests/v1', { body });
    expect([refused.status, refused.codes()]).toEqual([413, ['MANIFEST_INVALID']]);
    expect(canceled).toBe(true);
  });
});
