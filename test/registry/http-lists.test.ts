import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAYS, imageOf, open, pushBlob, pushManifest, type Answer, type Site } from './helpers.js';

/** Follows `Link` headers from a path on; returns what each page has. */
async function pages<T>(site: Site, path: string, read: (answer: Answer) => T[]): Promise<T[][]> {
  const found: T[][] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const answer: Answer = await site.ask('GET', next);
    expect(answer.status).toBe(200);
    found.push(read(answer));
    next = /^<(\/v2\/[^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    expect(next === undefined).toBe(answer.headers.get('link') === null);
  }
  return found;
}

const tagsOf = (answer: Answer): string[] => answer.json<{ tags: string[] }>().tags;

/** In byte order. */
const TAGS = ['0', '10', '9', 'A', 'B', '_x', 'a', 'a-b', 'a.b', 'b'].toSorted();

describe.each(WAYS)('a list of tags, by %s', (way) => {
  let site: Site;
  beforeAll(async () => {
    site = await open({}, way);
    for (const tag of TAGS) await pushManifest(site, 'team/app', tag);
    await pushBlob(site, 'untagged', 'x');
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });
  const list = async (query: string): Promise<string[]> =>
    tagsOf(await site.ask('GET', `/v2/team/app/tags/list${query}`));

  it('has every tag in byte order', async () => {
    const { status, headers, json } = await site.ask('GET', '/v2/team/app/tags/list');
    expect([status, headers.get('content-type'), headers.get('link')]).toEqual([
      200,
      'application/json',
      null,
    ]);
    expect(json()).toEqual({ name: 'team/app', tags: TAGS });
  });

  it('comes in pages that lead through all of it', async () => {
    for (const n of [1, 3, 5, 9, 10, 11, 999_999_999]) {
      const found = await pages(site, `/v2/team/app/tags/list?n=${n}`, tagsOf);
      expect(found.flat()).toEqual(TAGS);
      expect(found.every((page, index) => page.length === n || index === found.length - 1)).toBe(true);
      expect(found.at(-1)?.length).toBeGreaterThan(0);
    }
  });

  it('starts behind `last`, which need not exist', async () => {
    expect(await list('?last=9')).toEqual(TAGS.slice(TAGS.indexOf('9') + 1));
    expect(await list('?last=a')).toEqual(['a-b', 'a.b', 'b']);
    expect(await list('?last=a-c')).toEqual(['a.b', 'b']);
    expect(await list('?last=b')).toEqual([]);
    expect(await list('?last=zzz&n=2')).toEqual([]);
    expect(await list('?last=')).toEqual(TAGS);
    expect(await list(`?last=${encodeURIComponent('ü!\n\0\u{10ffff}')}`)).toEqual([]);
    expect(await list('?last=!')).toEqual(TAGS);
  });

  it('is empty, with no more to come, for n=0', async () => {
    const answer = await site.ask('GET', '/v2/team/app/tags/list?n=0');
    expect([answer.status, tagsOf(answer), answer.headers.get('link')]).toEqual([200, [], null]);
  });

  it.each(['-1', 'x', '1.5', '', '1e3', '+1', '٣'])('refuses n=%s', async (n) => {
    for (const path of [
      '/v2/team/app/tags/list',
      '/v2/_catalog',
      `/v2/team/app/referrers/sha256:${'0'.repeat(64)}`,
    ]) {
      const answer = await site.ask('GET', `${path}?n=${encodeURIComponent(n)}`);
      expect([answer.status, answer.codes()]).toEqual([400, ['PAGINATION_NUMBER_INVALID']]);
    }
  });

  it('is empty where there are no tags, and not found where there is nothing', async () => {
    expect((await site.ask('GET', '/v2/untagged/tags/list')).json()).toEqual({ name: 'untagged', tags: [] });
    const nowhere = await site.ask('GET', '/v2/nowhere/tags/list');
    expect([nowhere.status, nowhere.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
  });
});

it('a list is no longer than its limit: more come by pages', async () => {
  await using many = await open();
  const { bytes, mediaType, digest } = imageOf();
  await pushManifest(many, 'app', 'v');
  const all = Array.from({ length: 10_050 }, (_, index) => `t${String(index).padStart(5, '0')}`);
  for (let at = 0; at < all.length; at += 100) {
    const query = all.slice(at, at + 100).map((tag) => `tag=${tag}`);
    await many.ask('PUT', `/v2/app/manifests/${digest}?${query.join('&')}`, {
      headers: { 'content-type': mediaType },
      body: bytes,
    });
  }
  for (const query of ['', '?n=20000']) {
    const found = await pages(many, `/v2/app/tags/list${query}`, tagsOf);
    expect(found.map((page) => page.length)).toEqual([10_000, 51]);
    expect(found.flat()).toEqual([...all, 'v']);
  }
});

describe.each(WAYS)('the catalog, by %s', (way) => {
  const NAMES = ['a', 'a-b', 'a/b', 'a/b/c', 'a0', 'b', 'blobs/uploads', 'tags/list'].toSorted();
  const repositories = (answer: Answer): string[] => answer.json<{ repositories: string[] }>().repositories;
  let site: Site;
  beforeAll(async () => {
    site = await open({}, way);
    for (const name of NAMES) await pushBlob(site, name, 'x');
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  it('has every repository in byte order', async () => {
    const { status, headers, json } = await site.ask('GET', '/v2/_catalog');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(json()).toEqual({ repositories: NAMES });
  });

  it('comes in pages that lead through all of it', async () => {
    for (const n of [1, 3, 8, 9]) {
      const found = await pages(site, `/v2/_catalog?n=${n}`, repositories);
      expect(found.flat()).toEqual(NAMES);
      expect(found.at(-1)?.length).toBeGreaterThan(0);
    }
    expect(repositories(await site.ask('GET', '/v2/_catalog?last=a/b'))).toEqual([
      'a/b/c',
      'a0',
      'b',
      'blobs/uploads',
      'tags/list',
    ]);
    const none = await site.ask('GET', '/v2/_catalog?n=0');
    expect([repositories(none), none.headers.get('link')]).toEqual([[], null]);
  });

  it('is empty at first', async () => {
    await using fresh = await open({}, way);
    expect((await fresh.ask('GET', '/v2/_catalog')).json()).toEqual({ repositories: [] });
  });
});

describe.each(WAYS)('the rest of the API, by %s', (way) => {
  let site: Site;
  beforeAll(async () => {
    site = await open({}, way);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  it.each(['/v2/', '/v2'])('answers the ping at %s', async (path) => {
    const { status, headers, bytes } = await site.ask('GET', path);
    expect([status, bytes.toString()]).toEqual([200, '{}']);
    expect(headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    expect(headers.get('content-type')).toBe('application/json');
    expect((await site.ask('HEAD', path)).status).toBe(200);
  });

  it('has no extensions', async () => {
    for (const path of ['/v2/_oci/ext/discover', '/v2/team/app/_oci/ext/discover'])
      expect((await site.ask('GET', path)).json()).toEqual({ extensions: [] });
    expect((await site.ask('GET', '/v2/NO/_oci/ext/discover')).codes()).toEqual(['NAME_INVALID']);
  });

  it.each([
    ['POST', '/v2/', 'GET, HEAD'],
    ['PUT', '/v2/_catalog', 'GET, HEAD'],
    ['DELETE', '/v2/app/tags/list', 'GET, HEAD'],
    ['GET', '/v2/app/blobs/uploads/', 'POST'],
    ['HEAD', '/v2/app/blobs/uploads/', 'POST'],
    ['POST', '/v2/app/blobs/uploads/x', 'GET, HEAD, PATCH, PUT, DELETE'],
    ['PUT', `/v2/app/blobs/sha256:${'0'.repeat(64)}`, 'GET, HEAD, DELETE'],
    ['POST', '/v2/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    ['PATCH', '/v2/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    ['DELETE', `/v2/app/referrers/sha256:${'0'.repeat(64)}`, 'GET, HEAD'],
    ['OPTIONS', '/v2/', 'GET, HEAD'],
    ['PROPFIND', '/v2/', 'GET, HEAD'],
    ['CONSTRUCTOR', '/v2/', 'GET, HEAD'],
  ])('does not know %s of %s, and tells what it knows', async (method, path, allow) => {
    if (method === 'CONSTRUCTOR' && way === 'socket') return;
    const answer = await site.ask(method, path);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
    if (method !== 'HEAD') expect(answer.codes()).toEqual(['UNSUPPORTED']);
  });

  it.each([
    '/v2/app',
    '/v2/app/',
    '/v2/app/nothing',
    '/nothing',
    '/v2/a/blobs',
    '/v2/_catalog/x',
    '/v2/_oci',
  ])('has nothing at %s', async (path) => {
    const answer = await site.ask('GET', path);
    expect([answer.status, answer.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
    expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
  });

  it.each(['UP', '-a', 'a-', 'a//b', 'a_/b', 'a___b', 'a..b', '_a', 'a@b', 'ü', 'a b', 'x'.repeat(256)])(
    'takes no repository of the name %s',
    async (name) => {
      const digest = `sha256:${'0'.repeat(64)}`;
      for (const [method, path] of [
        ['GET', `blobs/${digest}`],
        ['DELETE', `blobs/${digest}`],
        ['POST', 'blobs/uploads/'],
        ['GET', 'blobs/uploads/0123456789abcdef'],
        ['PUT', 'manifests/v1'],
        ['GET', 'manifests/v1'],
        ['DELETE', 'manifests/v1'],
        ['GET', 'tags/list'],
        ['GET', `referrers/${digest}`],
      ] as const) {
        const answer = await site.ask(method, `/v2/${encodeURI(name)}/${path}`);
        expect([method, path, answer.status, answer.codes()]).toEqual([method, path, 400, ['NAME_INVALID']]);
      }
    },
  );

  it('takes a repository of 255 characters', async () => {
    const name = `${'x/'.repeat(127)}x`;
    await pushManifest(site, name, 'v1');
    expect((await site.ask('GET', `/v2/${name}/tags/list`)).json()).toEqual({ name, tags: ['v1'] });
  });

  it('gives every answer a name for the log', async () => {
    const ids = new Set<string | null>();
    for (const path of ['/v2/', '/v2/x/tags/list', '/nothing'])
      ids.add((await site.ask('GET', path)).headers.get('x-request-id'));
    expect(ids.size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[\w-]{8,64}$/);
  });
});
