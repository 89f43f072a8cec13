import { describe, expect, it, vi, type MockInstance } from 'vitest';
import { digestOf } from '../../../oci/index.js';
import { pushManifest, type Answer, type Site } from '../helpers.js';
import { USERS, RULES, basic, bearer, getToken, openWith } from './site.js';

const DIGEST = digestOf('{}');

/** Every request about a repository, with the path that names it left open. */
const REQUESTS: readonly [method: string, path: (repo: string) => string][] = [
  ['GET', (repo) => `/v2/${repo}/tags/list`],
  ['GET', (repo) => `/v2/${repo}/manifests/v1`],
  ['HEAD', (repo) => `/v2/${repo}/manifests/v1`],
  ['PUT', (repo) => `/v2/${repo}/manifests/v1`],
  ['DELETE', (repo) => `/v2/${repo}/manifests/v1`],
  ['GET', (repo) => `/v2/${repo}/blobs/${DIGEST}`],
  ['HEAD', (repo) => `/v2/${repo}/blobs/${DIGEST}`],
  ['DELETE', (repo) => `/v2/${repo}/blobs/${DIGEST}`],
  ['POST', (repo) => `/v2/${repo}/blobs/uploads/`],
  ['POST', (repo) => `/v2/${repo}/blobs/uploads/?mount=${DIGEST}&from=open/app`],
  ['GET', (repo) => `/v2/${repo}/blobs/uploads/0123`],
  ['PATCH', (repo) => `/v2/${repo}/blobs/uploads/0123`],
  ['PUT', (repo) => `/v2/${repo}/blobs/uploads/0123?digest=${DIGEST}`],
  ['DELETE', (repo) => `/v2/${repo}/blobs/uploads/0123`],
  ['GET', (repo) => `/v2/${repo}/referrers/${DIGEST}`],
  ['GET', (repo) => `/v2/${repo}/_oci/ext/discover`],
];

/** All of an answer but what no two answers share, with the name of the repository taken out. */
function shapeOf(answer: Answer, repo: string): unknown {
  const headers = [...answer.headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
  return JSON.parse(
    JSON.stringify([answer.status, headers, answer.bytes.toString()]).replaceAll(repo, 'REPO'),
  ) as unknown;
}

/** Repositories of the same length, so that lengths in headers tell nothing either. */
const THERE = 'secret/there';
const ABSENT = 'secret/nihil';

interface Filled extends AsyncDisposable {
  readonly site: Site;
  readonly reads: readonly MockInstance[];
}

/** A site with one of the two, and spies on all that reads records by key. */
async function filled(mode: 'basic' | 'bearer'): Promise<Filled> {
  const site = await openWith({ mode, users: USERS, rules: RULES });
  const ask: Site['ask'] = (method, path, init = {}) =>
    site.ask(method, path, { ...init, headers: { ...(init.headers as object), ...basic('alice') } });
  await pushManifest({ ...site, ask }, THERE, 'v1');
  const { records } = site.registry.store.core;
  const reads = [vi.spyOn(records, 'get'), vi.spyOn(records, 'range'), vi.spyOn(records, 'keys')];
  return { site, reads, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

describe.each(['basic', 'bearer'] as const)('in mode %s a repository one may not read', (mode) => {
  const callers: readonly [string, (site: Site) => Promise<Record<string, string>>][] = [
    ['anybody', async () => ({})],
    ['a known user', async () => basic('bob')],
    ['wrong credentials', async () => basic('bob', 'wrong')],
  ];

  it.each(callers)('looks to %s as one that is not there, and is not looked for', async (_, caller) => {
    await using given = await filled(mode);
    const { site, reads } = given;
    const headers = await caller(site);
    for (const [method, path] of REQUESTS) {
      const there = await site.ask(method, path(THERE), { headers });
      const absent = await site.ask(method, path(ABSENT), { headers });
      expect(shapeOf(there, THERE), `${method} ${path(THERE)}`).toEqual(shapeOf(absent, ABSENT));
      for (const read of reads) expect(read).not.toHaveBeenCalled();
    }
  });
});

describe('with a token', () => {
  it('it looks as one that is not there, also when both were asked for', async () => {
    await using given = await filled('bearer');
    const { site, reads } = given;
    const scopes = [`repository:${THERE}:*`, `repository:${ABSENT}:*`];
    for (const credentials of [{}, basic('bob')]) {
      const { token } = await getToken(site, scopes, credentials);
      for (const [method, path] of REQUESTS) {
        const headers = bearer(token);
        const there = await site.ask(method, path(THERE), { headers });
        const absent = await site.ask(method, path(ABSENT), { headers });
        expect(shapeOf(there, THERE), `${method} ${path(THERE)}`).toEqual(shapeOf(absent, ABSENT));
      }
      for (const read of reads) expect(read).not.toHaveBeenCalled();
    }
  });
});
