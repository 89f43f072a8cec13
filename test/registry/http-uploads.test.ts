import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAYS, blobOf, open, patterned, pushBlob, startUpload, type Site } from './helpers.js';

/** A body that comes in pieces, without a length. */
function pieces(...chunks: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk));
      controller.close();
    },
  });
}

describe.each(WAYS)('an upload, by %s', (way) => {
  let site: Site;
  beforeAll(async () => {
    site = await open({}, way);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  it('is opened by POST', async () => {
    for (const path of ['/v2/app/blobs/uploads/', '/v2/app/blobs/uploads']) {
      const { status, headers, bytes } = await site.ask('POST', path);
      expect(status).toBe(202);
      expect(headers.get('location')).toMatch(/^\/v2\/app\/blobs\/uploads\/[\w-]{16,}$/);
      expect(headers.get('location')).toContain(headers.get('docker-upload-uuid'));
      expect([headers.get('range'), headers.get('content-length')]).toEqual(['0-0', '0']);
      expect(headers.get('docker-distribution-api-version')).toBe('registry/2.0');
      expect(bytes.byteLength).toBe(0);
    }
  });

  it.each(['', '{}', 'text', patterned(700_000)])('takes a blob in one POST', async (content) => {
    const { bytes, digest } = blobOf(content);
    const { status, headers } = await site.ask('POST', `/v2/app/blobs/uploads/?digest=${digest}`, {
      body: bytes,
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v2/app/blobs/${digest}`);
    expect(headers.get('docker-content-digest')).toBe(digest);
    expect((await site.ask('GET', headers.get('location') ?? '')).bytes.equals(bytes)).toBe(true);
  });

  it.each(['', 'whole', patterned(700_000)])('takes a blob in the closing PUT', async (content) => {
    const { bytes, digest } = blobOf(content);
    const session = await startUpload(site, 'put');
    const { status, headers } = await site.ask('PUT', `${session}?digest=${digest}`, { body: bytes });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v2/put/blobs/${digest}`);
    expect(headers.get('docker-content-digest')).toBe(digest);
    expect((await site.ask('GET', `/v2/put/blobs/${digest}`)).bytes.equals(bytes)).toBe(true);
    expect((await site.ask('GET', session)).codes()).toEqual(['BLOB_UPLOAD_UNKNOWN']);
  });

  it.each([[[]], [['one']], [['one', 'two', 'three']], [[patterned(600_000), patterned(600_000)]]])(
    'takes a stream without a length',
    async (chunks: (string | Uint8Array)[]) => {
      const { bytes, digest } = blobOf(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));
      const session = await startUpload(site, 'stream');
      const patched = await site.ask('PATCH', session, { body: pieces(...chunks) });
      expect(patched.status).toBe(202);
      expect(patched.headers.get('location')).toBe(session);
      expect(patched.headers.get('range')).toBe(`0-${Math.max(0, bytes.byteLength - 1)}`);
      expect(patched.headers.get('content-length')).toBe('0');
      expect((await site.ask('PUT', `${session}?digest=${digest}`)).status).toBe(201);
      expect((await site.ask('GET', `/v2/stream/blobs/${digest}`)).bytes.equals(bytes)).toBe(true);
    },
  );

  it('tells where it stands', async () => {
    const session = await startUpload(site, 'app');
    await site.ask('PATCH', session, { body: 'abc' });
    const { status, headers } = await site.ask('GET', session);
    expect(status).toBe(204);
    expect(headers.get('location')).toBe(session);
    expect(headers.get('range')).toBe('0-2');
    expect(session).toContain(headers.get('docker-upload-uuid'));
  });

  it('may be given up', async () => {
    const session = await startUpload(site, 'app');
    expect((await site.ask('DELETE', session)).status).toBe(204);
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const gone = await site.ask(method, session);
      expect([gone.status, gone.codes()]).toEqual([404, ['BLOB_UPLOAD_UNKNOWN']]);
    }
  });

  it('belongs to the repository it was opened in', async () => {
    const session = await startUpload(site, 'app');
    const elsewhere = session.replace('/app/', '/other/');
    expect((await site.ask('GET', elsewhere)).codes()).toEqual(['BLOB_UPLOAD_UNKNOWN']);
    expect((await site.ask('PATCH', elsewhere, { body: 'x' })).codes()).toEqual(['BLOB_UPLOAD_UNKNOWN']);
    expect((await site.ask('PUT', `${elsewhere}?digest=${blobOf('').digest}`)).codes()).toEqual([
      'BLOB_UPLOAD_UNKNOWN',
    ]);
    expect((await site.ask('GET', session)).headers.get('range')).toBe('0-0');
  });

  it.each(['x', '..%2f..%2fx', 'x!y', 'ü', 'x'.repeat(2000), '%20', '-'])(
    'is not known by a name that nobody was given: %s',
    async (id) => {
      const { status, codes } = await site.ask('GET', `/v2/app/blobs/uploads/${id}`);
      expect([
        [404, 'BLOB_UPLOAD_UNKNOWN'],
        [400, 'NAME_INVALID'],
      ]).toContainEqual([status, codes()[0]]);
    },
  );

  it('keeps what came when the digest is wrong, and publishes nothing', async () => {
    const session = await startUpload(site, 'wrong');
    const { digest } = blobOf('right');
    const refused = await site.ask('PUT', `${session}?digest=${digest}`, { body: 'wrong' });
    expect([refused.status, refused.codes()]).toEqual([400, ['DIGEST_INVALID']]);
    expect((await site.ask('HEAD', `/v2/wrong/blobs/${digest}`)).status).toBe(404);
    expect((await site.ask('GET', session)).headers.get('range')).toBe('0-4');
    expect((await site.ask('PUT', `${session}?digest=${blobOf('wrong').digest}`)).status).toBe(201);
  });

  it('refuses a wrong digest in one POST', async () => {
    const { digest } = blobOf('right');
    const refused = await site.ask('POST', `/v2/wrong/blobs/uploads/?digest=${digest}`, { body: 'other' });
    expect([refused.status, refused.codes()]).toEqual([400, ['DIGEST_INVALID']]);
  });

  it.each(['', 'sha256:x', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'nothing', `sha256:${'A'.repeat(64)}`])(
    'refuses a digest that is none: %s',
    async (digest) => {
      const session = await startUpload(site, 'app');
      const query = `?digest=${encodeURIComponent(digest)}`;
      for (const [method, path] of [
        ['PUT', session + query],
        ['POST', `/v2/app/blobs/uploads/${query}`],
      ] as const) {
        const { status, codes } = await site.ask(method, path);
        expect([status, codes()]).toEqual([400, ['DIGEST_INVALID']]);
      }
      expect((await site.ask('GET', session)).status).toBe(204);
    },
  );

  it('refuses to close without a digest', async () => {
    const session = await startUpload(site, 'app');
    expect((await site.ask('PUT', session, { body: 'x' })).codes()).toEqual(['DIGEST_INVALID']);
  });

  it('hashes with the algorithm it was opened for, or another', async () => {
    for (const opened of ['', '?digest-algorithm=sha256', '?digest-algorithm=sha512']) {
      for (const closed of ['sha256', 'sha512'] as const) {
        const { bytes, digest } = blobOf(patterned(600_000 + opened.length), closed);
        const session = await startUpload(site, 'algorithms', opened);
        await site.ask('PATCH', session, { body: bytes.subarray(0, 550_000) });
        const { status } = await site.ask('PUT', `${session}?digest=${digest}`, {
          body: bytes.subarray(550_000),
        });
        expect([opened, closed, status]).toEqual([opened, closed, 201]);
      }
    }
    const refused = await site.ask('POST', '/v2/app/blobs/uploads/?digest-algorithm=md5');
    expect([refused.status, refused.codes()]).toEqual([400, ['DIGEST_INVALID']]);
  });

  it('opens again the upload of a blob that is there: both are one', async () => {
    const { bytes, digest } = blobOf(patterned(600_000));
    const sessions = await Promise.all([1, 2, 3].map(() => startUpload(site, 'same')));
    const answers = await Promise.all(
      sessions.map((session) => site.ask('PUT', `${session}?digest=${digest}`, { body: bytes })),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  });
});

describe.each(WAYS)('a mount, by %s', (way) => {
  let site: Site;
  let digest = '';
  beforeAll(async () => {
    site = await open({}, way);
    ({ digest } = await pushBlob(site, 'from', 'mounted'));
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });
  const mount = async (repo: string, query: string): Promise<[number, string | null, string | null]> => {
    const { status, headers } = await site.ask('POST', `/v2/${repo}/blobs/uploads/?${query}`);
    return [status, headers.get('location'), headers.get('docker-content-digest')];
  };

  it('links a blob of another repository', async () => {
    expect(await mount('to', `mount=${digest}&from=from`)).toEqual([201, `/v2/to/blobs/${digest}`, digest]);
    expect((await site.ask('GET', `/v2/to/blobs/${digest}`)).bytes.toString()).toBe('mounted');
    await site.ask('DELETE', `/v2/from/blobs/${digest}`);
    expect((await site.ask('GET', `/v2/to/blobs/${digest}`)).bytes.toString()).toBe('mounted');
    await pushBlob(site, 'from', 'mounted');
  });

  it('finds the repository by itself', async () => {
    expect(await mount('anonymous', `mount=${digest}`)).toEqual([
      201,
      `/v2/anonymous/blobs/${digest}`,
      digest,
    ]);
  });

  it.each([
    ['a repository without it', 'from=other'],
    ['a repository that has no such name', 'from=NO'],
    ['a repository that has another key in its name', 'from=from!sha256'],
    ['an empty repository', 'from='],
  ])('of %s opens an upload instead', async (_, from) => {
    const [status, location] = await mount('opened', `mount=${digest}&${from}`);
    expect(status).toBe(202);
    expect(location).toMatch(/^\/v2\/opened\/blobs\/uploads\//);
    expect((await site.ask('HEAD', `/v2/opened/blobs/${digest}`)).status).toBe(404);
  });

  it.each([blobOf('nowhere').digest, 'sha256:x', '', 'md5:x'])(
    'of what is not there opens an upload instead: %s',
    async (name) => {
      expect((await mount('opened', `mount=${name}`))[0]).toBe(202);
      expect((await mount('opened', `mount=${name}&from=from`))[0]).toBe(202);
    },
  );
});
