import { describe, expect, it } from 'vitest';
import { HeaderList, resolveTarget, withQuery } from '../../conformance/wire.js';

const ORIGIN = 'http://registry.test:5000';

describe('HeaderList', () => {
  const headers = new HeaderList([
    ['OCI-Tag', 'one'],
    ['Content-Type', 'text/plain'],
    ['oci-tag', 'two'],
  ]);

  it('finds names in any case and joins values', () => {
    expect(headers.get('oci-TAG')).toBe('one, two');
    expect(headers.all('OCI-Tag')).toEqual(['one', 'two']);
  });

  it('gives nothing for a name that is not there', () => {
    expect(headers.get('location')).toBeUndefined();
    expect(headers.all('location')).toEqual([]);
  });
});

describe('resolveTarget', () => {
  it('keeps an absolute path byte for byte', () => {
    expect(resolveTarget(ORIGIN, '/v2/a', '/v2/a/../b?x=%2F&y')).toBe('/v2/a/../b?x=%2F&y');
  });

  it('turns a URL of the same origin into a path', () => {
    expect(resolveTarget(ORIGIN, '/v2/a', 'http://registry.test:5000/v2/b?x=1')).toBe('/v2/b?x=1');
  });

  it('leaves a URL of another origin whole', () => {
    const other = 'https://storage.example/v2/b?signature=x';
    expect(resolveTarget(ORIGIN, '/v2/a', other)).toBe(other);
    expect(resolveTarget(ORIGIN, other, '/next')).toBe('https://storage.example/next');
  });

  it('resolves what is relative to the request', () => {
    expect(resolveTarget(ORIGIN, '/v2/a/blobs/uploads/', 'id?x=1')).toBe('/v2/a/blobs/uploads/id?x=1');
    expect(resolveTarget(ORIGIN, '/v2/a/tags/list', '?last=b')).toBe('/v2/a/tags/list?last=b');
    expect(resolveTarget(ORIGIN, '/v2/a', '//registry.test:5000/b')).toBe('/b');
  });
});

describe('withQuery', () => {
  it('adds to a query and leaves what is there', () => {
    expect(withQuery('/a', {})).toBe('/a');
    expect(withQuery('/a', { digest: 'sha256:b' })).toBe('/a?digest=sha256%3Ab');
    expect(withQuery('/a?_state=x%3D', { digest: 'd' })).toBe('/a?_state=x%3D&digest=d');
  });
});
