import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPlace, parsePlace } from '../../image/place.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parsePlace', () => {
  it.each([
    [
      'alpine',
      { medium: 'registry', reference: { registry: 'index.docker.io', repository: 'library/alpine' } },
    ],
    [
      'docker://a.example/b:1',
      { medium: 'registry', reference: { registry: 'a.example', repository: 'b', tag: '1' } },
    ],
    ['oci:dir', { medium: 'oci', path: 'dir', name: '' }],
    ['oci:./dir:a.example/b:1', { medium: 'oci', path: './dir', name: 'a.example/b:1' }],
    [`oci:dir@${DIGEST}`, { medium: 'oci', path: 'dir', name: DIGEST }],
    [`oci:dir:1@${DIGEST}`, { medium: 'oci', path: 'dir', name: DIGEST }],
    ['ocidir://dir:1', { medium: 'oci', path: 'dir', name: '1' }],
    ['oci-archive:/x/y.tar:1', { medium: 'oci-archive', path: '/x/y.tar', name: '1' }],
    ['docker-archive:y.tar', { medium: 'docker-archive', path: 'y.tar', name: '' }],
    ['docker-daemon:app:1', { medium: 'docker-daemon', name: 'app:1' }],
    ['store:.data:team/app:1', { medium: 'store', path: '.data', repository: 'team/app', name: '1' }],
    [
      `store:.data:team/app:1@${DIGEST}`,
      { medium: 'store', path: '.data', repository: 'team/app', name: DIGEST },
    ],
    ['store:.data:team/app', { medium: 'store', path: '.data', repository: 'team/app', name: '' }],
  ])('reads %s', (text, place) => {
    expect(parsePlace(text)).toEqual(place);
  });

  it.each([
    '',
    'oci:',
    'oci::1',
    'docker-daemon:',
    'store:x',
    'store:x:',
    'store:x:A',
    'docker://',
    `oci:@${DIGEST}`,
  ])('refuses %j', (text) => {
    expect(() => parsePlace(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
  });

  it('prints what it reads', () => {
    const path = fc.stringMatching(/^[\w./-]{1,20}$/);
    const name = fc.constantFrom('', '1', 'a.example/b:1', DIGEST);
    fc.assert(
      fc.property(
        fc.constantFrom('oci', 'oci-archive', 'docker-archive'),
        path,
        name,
        (medium, where, what) => {
          fc.pre(!where.startsWith('//'));
          const place = { medium, path: where, name: what };
          expect(parsePlace(formatPlace(place as never))).toEqual(place);
        },
      ),
    );
    for (const text of ['store:.data:team/app:1', `store:.data:team/app@${DIGEST}`, 'docker-daemon:app:1'])
      expect(formatPlace(parsePlace(text))).toBe(text);
  });
});
