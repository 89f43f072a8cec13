import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MEDIA_TYPES,
  baseMediaType,
  isImageType,
  isIndexType,
  isManifestType,
  isMediaType,
  isNonDistributable,
  isSchema1Type,
} from '../../oci/media-types.js';
import { anyText, hostileTexts, mixed } from './arbitraries.js';

const all = Object.values(MEDIA_TYPES);
const restricted = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}$/);
const mediaTypes = fc.tuple(restricted, restricted).map((parts) => parts.join('/'));

/** RFC 6838, section 4.2, read a character at a time. */
function isRestrictedName(text: string): boolean {
  const first = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  const later = `${first}!#$&-^_.+`;
  const characters = Array.from(text);
  return (
    characters.length >= 1 &&
    characters.length <= 127 &&
    first.includes(characters[0] ?? '') &&
    characters.every((character) => later.includes(character))
  );
}

describe('isMediaType', () => {
  it('agrees with the grammar of RFC 6838', () => {
    fc.assert(
      fc.property(mixed(mediaTypes), (text) => {
        const parts = text.split('/');
        expect(isMediaType(text)).toBe(parts.length === 2 && parts.every(isRestrictedName));
      }),
      { numRuns: 500 },
    );
  });

  it('accepts every type named here, and ends at 127 characters a half', () => {
    expect(all.filter((type) => !isMediaType(type))).toEqual([]);
    expect(isMediaType(`${'a'.repeat(127)}/${'b'.repeat(127)}`)).toBe(true);
    expect(isMediaType(`${'a'.repeat(128)}/b`)).toBe(false);
    expect(isMediaType(`a/${'b'.repeat(128)}`)).toBe(false);
    expect(hostileTexts(100_000).filter(isMediaType)).toEqual([]);
  });

  it.each([
    '',
    '/',
    'text',
    'text/',
    '/plain',
    'a/b/c',
    'text/plain; charset=utf-8',
    'a/b\n',
    ' a/b',
    'a/\u00e9',
    '-a/b',
  ])('refuses %j', (text) => {
    expect(isMediaType(text)).toBe(false);
  });
});

describe('baseMediaType', () => {
  it('drops parameters, blanks and capitals, and changes nothing twice', () => {
    fc.assert(
      fc.property(mediaTypes, fc.constantFrom('', ';', ' ; charset=utf-8', ';a=";"'), (type, parameters) => {
        expect(baseMediaType(` ${type}${parameters}`)).toBe(type.toLowerCase());
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect(baseMediaType(baseMediaType(text))).toBe(baseMediaType(text));
      }),
    );
    expect(baseMediaType('Application/JSON; charset=utf-8')).toBe('application/json');
  });
});

describe('kinds of types', () => {
  it('sorts the manifest types into image and index, and schema 1 into neither', () => {
    expect(all.filter(isImageType)).toEqual([MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest]);
    expect(all.filter(isIndexType)).toEqual([MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList]);
    expect(all.filter(isSchema1Type)).toEqual([MEDIA_TYPES.dockerSchema1, MEDIA_TYPES.dockerSchema1Signed]);
    expect(all.filter(isManifestType)).toHaveLength(4);
    expect(new Set(all).size).toBe(all.length);
  });

  it('knows the layers that may be missing', () => {
    expect(all.filter(isNonDistributable)).toEqual([
      MEDIA_TYPES.ociLayerNonDistributable,
      MEDIA_TYPES.ociLayerNonDistributableGzip,
      MEDIA_TYPES.ociLayerNonDistributableZstd,
      MEDIA_TYPES.dockerForeignLayer,
    ]);
    expect(isNonDistributable('application/vnd.docker.image.rootfs.foreign.diff.tar')).toBe(true);
  });

  it('excuses no artifact because its type has one of their words in it', () => {
    const types = ['application/vnd.acme.foreign.language+json', 'application/vnd.acme.nondistributable.v1'];
    expect(types.filter(isNonDistributable)).toEqual([]);
  });
});
