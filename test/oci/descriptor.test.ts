import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describe as descriptorOf, parseDescriptor } from '../../oci/descriptor.js';
import { digestOf } from '../../oci/digest.js';
import { messageOf, outcome } from './arbitraries.js';
import { descriptors, parsed, withField } from './documents.js';

const valid = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digestOf('abc'),
  size: 3,
};

const codeOf = (value: unknown): string => outcome(() => parseDescriptor(value, 'layers[2]'));

describe('describe', () => {
  it('names bytes so that the descriptor and the bytes embedded in it agree', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const descriptor = descriptorOf('text/plain', bytes);
        expect(descriptor).toEqual({ mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length });
        const data = Buffer.from(bytes).toString('base64');
        expect(codeOf({ ...descriptor, data })).toBe('ok');
      }),
    );
  });
});

describe('parseDescriptor', () => {
  it('returns every valid descriptor as it is, unknown fields and all', () => {
    fc.assert(
      fc.property(descriptors, (descriptor) => {
        expect(parseDescriptor(descriptor, 'config')).toBe(descriptor);
      }),
    );
  });

  it('throws nothing but MANIFEST_INVALID, and lets no field through that is not what its type says', () => {
    fc.assert(
      fc.property(withField(descriptors), (value) => {
        const code = codeOf(value);
        if (code !== 'ok') {
          expect(code).toBe('MANIFEST_INVALID');
          return;
        }
        const { mediaType, digest, size, annotations, urls, platform, data, artifactType } = parseDescriptor(
          value,
          'x',
        );
        expect([typeof mediaType, typeof digest, typeof size]).toEqual(['string', 'string', 'number']);
        expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
        expect(Object.values(annotations ?? {}).every((text) => typeof text === 'string')).toBe(true);
        expect(Array.isArray(urls ?? [])).toBe(true);
        const texts = [platform?.os, platform?.variant, platform?.['os.version'], data, artifactType];
        expect(texts.every((text) => text === undefined || typeof text === 'string')).toBe(true);
        expect(Array.isArray(platform?.['os.features'] ?? [])).toBe(true);
        expect([annotations, urls, platform, data, artifactType]).not.toContain(null);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [valid]],
    ['text', 'sha256'],
    ['an empty object', {}],
  ])('refuses %s and says where', (_, value) => {
    expect(codeOf(value)).toBe('MANIFEST_INVALID');
    expect(messageOf(() => parseDescriptor(value, 'layers[2]'))).toMatch(/^layers\[2\]/);
  });

  const platform = { os: 'linux', architecture: 'amd64' };
  it.each<[string, unknown]>([
    ['mediaType', undefined],
    ['mediaType', null],
    ['mediaType', ''],
    ['mediaType', 7],
    ['mediaType', 'a/b\r\nx: y'],
    ['mediaType', 'a/\u00e9'],
    ['mediaType', ' a/b'],
    ['digest', undefined],
    ['digest', 'sha256:abc'],
    ['digest', `sha256:${'A'.repeat(64)}`],
    ['digest', `blake3:${'a'.repeat(64)}`],
    ['digest', { toString: () => valid.digest }],
    ['size', undefined],
    ['size', null],
    ['size', '3'],
    ['size', -1],
    ['size', 1.5],
    ['size', Number.NaN],
    ['size', Infinity],
    ['size', 2 ** 53],
    ['size', 1e300],
    ['artifactType', 7],
    ['annotations', []],
    ['annotations', { a: 1 }],
    ['annotations', { a: null }],
    ['annotations', JSON.parse('{"__proto__":{"a":"b"}}')],
    ['urls', 'https://host.example'],
    ['urls', [7]],
    ['platform', 'linux/amd64'],
    ['platform', []],
    ['platform', {}],
    ['platform', { os: 'linux' }],
    ['platform', { ...platform, variant: 8 }],
    ['platform', { ...platform, 'os.version': 10 }],
    ['platform', { ...platform, 'os.features': 'win32k' }],
    ['platform', { ...platform, 'os.features': 5 }],
    ['platform', { ...platform, 'os.features': [5] }],
    ['data', 7],
    ['data', {}],
  ])('refuses %s of %o and says which', (field, value) => {
    expect(codeOf({ ...valid, [field]: value })).toBe('MANIFEST_INVALID');
    expect(messageOf(() => parseDescriptor({ ...valid, [field]: value }, 'layers[2]'))).toContain(
      `layers[2].${field}`,
    );
  });

  it('reads sizes as JSON writes them, and refuses what a number cannot hold', () => {
    const sized = (text: string): string =>
      codeOf(parsed(JSON.stringify(valid).replace('"size":3', `"size":${text}`)));
    expect(['0', '3', '3.0', '1e3', '9007199254740991'].map(sized)).toEqual(Array(5).fill('ok'));
    const huge = ['9007199254740992', '9007199254740993', '18446744073709551616', '1e400', '-1', '1e-3'];
    expect(huge.map(sized)).toEqual(Array(huge.length).fill('MANIFEST_INVALID'));
  });

  it('leaves out optional fields that are null, as Go does, and keeps the rest', () => {
    const nulls = { annotations: null, urls: null, platform: null, artifactType: null, data: null };
    expect(parseDescriptor({ ...valid, ...nulls, 'x-unknown': null }, 'x')).toEqual({
      ...valid,
      'x-unknown': null,
    });
    const sparse = { ...platform, variant: null, 'os.version': null, 'os.features': null, features: null };
    expect(parseDescriptor({ ...valid, platform: sparse }, 'x')).toEqual({
      ...valid,
      platform: { ...platform, features: null },
    });
  });

  it('keeps annotations that name parts of every object, and lets them change none', () => {
    const text = `{"mediaType":"a/b","digest":"${valid.digest}","size":3,"urls":null,"__proto__":{"platform":1},"annotations":{"__proto__":"x","constructor":"y","toString":"z"}}`;
    const descriptor = parseDescriptor(parsed(text), 'x');
    expect(Object.entries(descriptor.annotations ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['toString', 'z'],
    ]);
    expect(Object.getPrototypeOf(descriptor)).toBe(Object.prototype);
    expect(descriptor.platform).toBeUndefined();
    expect(JSON.stringify(descriptor)).toBe(text.replace('"urls":null,', ''));
  });

  it('does not take fields from a prototype', () => {
    expect(codeOf(parsed(`{"__proto__":${JSON.stringify(valid)}}`))).toBe('MANIFEST_INVALID');
  });
});

describe('embedded data', () => {
  const embedded = (content: string, data: unknown): unknown => ({
    ...descriptorOf('text/plain', Buffer.from(content)),
    data,
  });

  it('is accepted when it is the content', () => {
    expect(codeOf(embedded('', ''))).toBe('ok');
    expect(codeOf(embedded('{}', 'e30='))).toBe('ok');
    expect(codeOf({ ...(embedded('{}', 'e30=') as object), digest: digestOf('{}', 'sha512') })).toBe('ok');
  });

  it.each([
    ['other content', 'W10='],
    ['less content', ''],
    ['more content', 'e30K'],
    ['no padding', 'e30'],
    ['too much padding', 'e30=='],
    ['a blank', 'e3 0='],
    ['a line end', 'e30=\n'],
    ['a byte that is not base64', 'e30=*'],
    ['text behind the padding', 'e30=e30='],
    ['bits that nobody reads', 'e31='],
  ])('is refused with %s', (_, data) => {
    expect(codeOf(embedded('{}', data))).toBe('MANIFEST_INVALID');
  });

  it('is refused in the alphabet of URLs', () => {
    const content = Buffer.from([0xfb, 0xff, 0xfe]);
    const descriptor = descriptorOf('text/plain', content);
    expect(codeOf({ ...descriptor, data: content.toString('base64') })).toBe('ok');
    expect(codeOf({ ...descriptor, data: content.toString('base64url') })).toBe('MANIFEST_INVALID');
  });

  it('is refused beside another size or digest', () => {
    const descriptor = { ...descriptorOf('text/plain', Buffer.from('{}')), data: 'e30=' };
    expect(codeOf({ ...descriptor, size: 3 })).toBe('MANIFEST_INVALID');
    expect(codeOf({ ...descriptor, digest: digestOf('abc') })).toBe('MANIFEST_INVALID');
  });
});
