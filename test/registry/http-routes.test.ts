import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOciError, isRepository } from '../../oci/index.js';
import { checkPath, matchRoute, splitTarget, type Route } from '../../registry/routes.js';

/** Components that paths also use as markers, and others. */
const component = fc.oneof(
  fc.constantFrom(
    'blobs',
    'manifests',
    'uploads',
    'tags',
    'referrers',
    'list',
    'v2',
    'discover',
    'ext',
    'oci',
  ),
  fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4})?$/),
);
const repo = fc.array(component, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));
const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom(...Array.from('0123456789abcdef')),
    minLength: length,
    maxLength: length,
  });
const digest = fc.oneof(
  hex(64).map((text) => `sha256:${text}`),
  hex(128).map((text) => `sha512:${text}`),
);
const tag = fc.oneof(
  component,
  fc.stringMatching(/^\w[\w.-]{0,127}$/),
  fc.constantFrom('list', 'uploads', 'blobs'),
);
const id = fc.oneof(hex(32), fc.uuid(), fc.constantFrom('list', 'uploads', 'discover'));

const route: fc.Arbitrary<Route> = fc.oneof(
  fc.constant<Route>({ kind: 'base' }),
  fc.constant<Route>({ kind: 'catalog' }),
  fc.constant<Route>({ kind: 'extensions' }),
  fc.record({ kind: fc.constant('extensions' as const), repo }),
  fc.record({ kind: fc.constant('blob' as const), repo, digest }),
  fc.record({ kind: fc.constant('uploads' as const), repo }),
  fc.record({ kind: fc.constant('upload' as const), repo, id }),
  fc.record({ kind: fc.constant('manifest' as const), repo, reference: fc.oneof(tag, digest) }),
  fc.record({ kind: fc.constant('tags' as const), repo }),
  fc.record({ kind: fc.constant('referrers' as const), repo, digest }),
);

/** Every path that names a route. */
function pathsOf(named: Route): string[] {
  switch (named.kind) {
    case 'base':
      return ['/v2/', '/v2'];
    case 'catalog':
      return ['/v2/_catalog'];
    case 'extensions':
      return [named.repo === undefined ? '/v2/_oci/ext/discover' : `/v2/${named.repo}/_oci/ext/discover`];
    case 'blob':
      return [`/v2/${named.repo}/blobs/${named.digest}`];
    case 'uploads':
      return [`/v2/${named.repo}/blobs/uploads/`, `/v2/${named.repo}/blobs/uploads`];
    case 'upload':
      return [`/v2/${named.repo}/blobs/uploads/${named.id}`];
    case 'manifest':
      return [`/v2/${named.repo}/manifests/${named.reference}`];
    case 'tags':
      return [`/v2/${named.repo}/tags/list`];
    case 'referrers':
      return [`/v2/${named.repo}/referrers/${named.digest}`];
    default:
      throw new Error('no such route');
  }
}

describe('matchRoute', () => {
  it('reads from a path what the path was built of', () => {
    fc.assert(
      fc.property(route, (named) => {
        for (const path of pathsOf(named)) expect(matchRoute(checkPath(path))).toEqual(named);
      }),
      { numRuns: 2000 },
    );
  });

  it('finds nothing where nothing is', () => {
    for (const path of [
      '/',
      '/v2x',
      '/v2/a',
      '/v2/a/b',
      '/v2/manifests/v1',
      '/v2/blobs/uploads/',
      '/v2/tags/list',
      '/v2//tags/list',
      '/v2//blobs/x',
      '/v2//blobs/uploads/',
      '/v2/a/tags/list/',
      '/v2/a/manifests/',
      '/v2/a/blobs/',
      '/v2/a/referrers/',
      '/v2/a/blobs/uploads/x/',
      '/v2/_catalog/',
      '/v1/a/tags/list',
    ]) {
      expect(matchRoute(path), path).toBeUndefined();
    }
  });

  it('takes any path without a failure', () => {
    const parts = fc.oneof(component, fc.constantFrom('', '_catalog', '_oci', '..', ':'), fc.string());
    fc.assert(
      fc.property(fc.array(parts), (all) => {
        const found = matchRoute(`/v2/${all.join('/')}`);
        if (found !== undefined && 'repo' in found) expect(found.repo).not.toBe('');
      }),
    );
  });
});

describe('checkPath', () => {
  it('lets pass every path of a route, with or without harmless escapes', () => {
    fc.assert(
      fc.property(route, (named) => {
        for (const path of pathsOf(named)) {
          expect(checkPath(path)).toBe(path);
          expect(checkPath(path.replaceAll(':', '%3A').replaceAll('e', '%65'))).toBe(path);
        }
      }),
    );
  });

  it('lets pass nothing that a second reader could resolve further', () => {
    const pieces = fc.constantFrom(
      '/',
      '..',
      '.',
      '%2e',
      '%2F',
      '%5c',
      '\\',
      '%25',
      '%00',
      '%0a',
      'a',
      '%61',
      '%',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (all) => {
        const path = `/v2/${all.join('')}`;
        let checked;
        try {
          checked = checkPath(path);
        } catch (error) {
          expect(isOciError(error, 'NAME_INVALID')).toBe(true);
          return;
        }
        expect(checked.split('/')).not.toContain('..');
        expect(checked.split('/')).not.toContain('.');
        expect(checked).not.toMatch(/[%\\\0]/);
        // A URL makes the same of it.
        expect(new URL(path, 'http://x').pathname.split('/')).toHaveLength(path.split('/').length);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('splitTarget', () => {
  it('sees the path and query that a URL sees', () => {
    const pieces = fc.constantFrom('/', 'v2', '?', '#', '://', 'http:', 'a', '=', '&', '..', '@', ':');
    fc.assert(
      fc.property(
        fc.constantFrom('http://x', 'https://x:1', 'HTTP://[::1]:5000'),
        fc.array(pieces, { maxLength: 8 }),
        (origin, all) => {
          const target = `/v/${all.join('')}`;
          const { pathname, search } = new URL(origin + target);
          for (const text of [target, origin + target]) {
            const split = splitTarget(text);
            expect(new URL(split.path, origin).pathname === pathname || split.path.startsWith('//')).toBe(
              true,
            );
            expect(split.query).toBe(search.slice(1));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('takes an empty path for the root', () => {
    for (const url of ['http://x', 'http://x?y', 'http://x#y']) expect(splitTarget(url).path).toBe('/');
  });
});

it('every generated name is a repository', () => {
  fc.assert(
    fc.property(repo, (name) => {
      expect(isRepository(name)).toBe(true);
    }),
  );
});
