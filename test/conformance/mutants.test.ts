import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchWire, runConformance } from '../../conformance/index.js';
import { createRegistry, type Registry } from '../../registry/index.js';

let registry: Registry;

beforeAll(async () => {
  registry = await createRegistry({ storage: { kind: 'memory' } });
});

afterAll(() => registry.close());

type Answer = (request: Request) => Promise<Response>;

/** A copy of an answer with other headers, or another status. */
function changed(
  response: Response,
  headers: Readonly<Record<string, string | null>>,
  status: number = response.status,
): Response {
  const all = new Headers(response.headers);
  for (const [name, value] of Object.entries(headers)) {
    if (value === null) all.delete(name);
    else all.set(name, value);
  }
  return new Response(response.body, { status, headers: all });
}

/** Changes a header wherever it comes. */
const header =
  (name: string, change: (value: string) => string | null) =>
  async (request: Request, answer: Answer): Promise<Response> => {
    const response = await answer(request);
    const value = response.headers.get(name);
    return value === null ? response : changed(response, { [name]: change(value) });
  };

/** Leaves headers of requests out. */
const without =
  (...names: readonly string[]) =>
  (request: Request, answer: Answer): Promise<Response> => {
    const copy = new Request(request);
    for (const name of names) copy.headers.delete(name);
    return answer(copy);
  };

/** Leaves parameters of requests out. */
const withoutQuery =
  (...names: readonly string[]) =>
  (request: Request, answer: Answer): Promise<Response> => {
    const url = new URL(request.url);
    for (const name of names) url.searchParams.delete(name);
    return answer(new Request(url, request));
  };

/** Answers every request of a method with a status of its own. */
const answered = (method: string, status: number) => async (request: Request, answer: Answer) => {
  if (request.method !== method) return answer(request);
  await request.arrayBuffer();
  return new Response(null, { status });
};

type Mutant = (request: Request, answer: Answer) => Promise<Response>;

const MUTANTS: readonly (readonly [what: string, mutant: Mutant, id: string, outcome: 'fail' | 'skip'])[] = [
  ['has no Docker-Content-Digest', header('docker-content-digest', () => null), 'blob.digest-header', 'fail'],
  [
    'answers with another digest',
    header('docker-content-digest', (value) => value.replace(/.$/, (end) => (end === '0' ? '1' : '0'))),
    'blob.post-put',
    'fail',
  ],
  [
    'adds parameters to types',
    header('content-type', (value) => `${value}; charset=utf-8`),
    'manifest.image',
    'fail',
  ],
  ['tells a wrong length', header('content-length', (value) => `${value}0`), 'blob.post-put', 'fail'],
  ['leads to nowhere', header('location', () => '/v2/nowhere/'), 'blob.post-put', 'fail'],
  ['has no Location', header('location', () => null), 'blob.chunked.three', 'fail'],
  [
    'counts bytes from one',
    header('range', (value) => value.replace(/\d+$/, (n) => `${Number(n) + 1}`)),
    'upload.patch-range',
    'fail',
  ],
  ['has no Range', header('range', () => null), 'blob.chunked.out-of-order', 'fail'],
  ['does not look at Content-Range', without('content-range'), 'blob.chunked.out-of-order', 'fail'],
  ['ignores ranges', without('range'), 'blob.range.middle', 'skip'],
  ['gives another part', header('content-range', () => 'bytes 0-999/2048'), 'blob.range.middle', 'fail'],
  ['does not acknowledge subjects', header('oci-subject', () => null), 'referrers.image', 'fail'],
  ['does not filter', withoutQuery('artifactType'), 'referrers.filter', 'skip'],
  ['filters in silence', header('oci-filters-applied', () => null), 'referrers.filter', 'fail'],
  [
    'writes links as text',
    header('link', (value) => value.replaceAll(/[<>]/g, '')),
    'tags.page.link-form',
    'fail',
  ],
  ['ignores n', withoutQuery('n'), 'tags.page.size', 'fail'],
  ['ignores last', withoutQuery('last'), 'tags.last', 'fail'],
  ['mounts nothing', withoutQuery('mount'), 'blob.mount', 'skip'],
  ['knows no tag parameter', withoutQuery('tag'), 'manifest.tag-parameter', 'skip'],
  ['has no deletes', answered('DELETE', 405), 'delete.manifest', 'skip'],
  ['deletes nothing', answered('DELETE', 202), 'delete.blob', 'fail'],
  ['knows no conditions', without('if-none-match', 'if-match'), 'condition.tag.create-only', 'skip'],
  ['never answers 304', without('if-none-match'), 'condition.blob.not-modified', 'fail'],
  ['has no ETag', header('etag', () => null), 'condition.manifest.not-modified', 'fail'],
  ['has no Allow', header('allow', () => null), 'error.method.blob', 'fail'],
  [
    'has errors of another form',
    async (request, answer) => {
      const response = await answer(request);
      return response.status < 400 ? response : Response.json({ error: 'no' }, { status: response.status });
    },
    'blob.unknown',
    'fail',
  ],
  [
    'formats manifests',
    async (request, answer) => {
      const response = await answer(request);
      if (request.method !== 'GET' || !request.url.includes('/manifests/')) return response;
      const text = await response.text();
      return changed(new Response(`${text} `, response), {});
    },
    'manifest.image',
    'fail',
  ],
  [
    'answers 404 for referrers',
    async (request, answer) =>
      request.url.includes('/referrers/') ? new Response(null, { status: 404 }) : answer(request),
    'referrers.unknown-repository',
    'fail',
  ],
];

describe('the suite finds a registry that', () => {
  it.each(MUTANTS)('%s', async (_, mutant, only, outcome) => {
    const wire = fetchWire((request) => mutant(request, (inner) => registry.fetch(inner)));
    const { results } = await runConformance({ wire, options: { profile: 'strict', only } });
    expect(results.map((result) => [result.id, result.outcome])).toEqual([[only, outcome]]);
    expect(results[0]?.reason).not.toBe('');
  });

  it('mixes two requests to one session', async () => {
    for (const [only, has] of [
      ['concurrent.one-session.chunks', 'expected 1 of the two'],
      ['concurrent.one-session.streams', 'bytes of sha256'],
    ] as const) {
      const { results } = await runConformance({
        wire: fetchWire(careless()),
        options: { profile: 'strict', only },
      });
      expect(results[0]).toMatchObject({ outcome: 'fail' });
      expect(results[0]?.reason).toContain(has);
    }
  });
});

/** One session for all, which appends whatever comes, and publishes it under any digest. */
function careless(): (request: Request) => Promise<Response> {
  const received: Uint8Array[] = [];
  const headers = (): Record<string, string> => ({
    location: '/v2/a/blobs/uploads/1',
    range: `0-${received.reduce((sum, piece) => sum + piece.byteLength, 0) - 1}`,
  });
  return async (request) => {
    for await (const piece of request.body ?? []) received.push(piece);
    if (request.method === 'PUT') return new Response(null, { status: 201, headers: headers() });
    if (request.method !== 'GET') return new Response(null, { status: 202, headers: headers() });
    if (request.url.includes('/uploads/')) return new Response(null, { status: 204, headers: headers() });
    return new Response(Buffer.concat(received));
  };
}
