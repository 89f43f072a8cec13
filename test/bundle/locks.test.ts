import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  parseBundleLock,
  parseImageLocations,
  parseImagesLock,
  printBundleLock,
  printImageLocations,
  printImagesLock,
} from '../../bundle/locks/index.js';
import { byNaturalOrder } from '../../bundle/yaml/natural-order.js';
import { printYaml } from '../../bundle/yaml/print.js';
import { isOciError } from '../../oci/index.js';

const golden = (name: string): string =>
  readFileSync(new URL(`../fixtures/imgpkg/${name}`, import.meta.url), 'utf8');
const A = `sha256:${'a'.repeat(64)}`;

describe('lock files', () => {
  it.each(['inner.lock.yml', 'outer.lock.yml', 'copied.lock.yml', 'tar.lock.yml'])(
    '%s is printed again byte for byte',
    (name) => expect(printBundleLock(parseBundleLock(golden(name)))).toBe(golden(name)),
  );

  it.each(['pulled-after.images.yml', 'pulled-rec.images.yml'])('%s is printed again byte for byte', (name) =>
    expect(printImagesLock(parseImagesLock(golden(name)))).toBe(golden(name)),
  );

  it('a lock of a person is read in its order', () => {
    const { images } = parseImagesLock(golden('pulled-before.images.yml'));
    expect(images.map(({ image }) => image.split('@')[0])).toEqual(
      ['multi', 'inner', 'app'].map((name) => `127.0.0.1:5900/src/${name}`),
    );
  });

  it('short references are written out, annotations stay text, a tag beside a digest is dropped', () => {
    const text = `{apiVersion: imgpkg.carvel.dev/v1alpha1, kind: ImagesLock, images: [
      {image: "nginx@${A}"}, {image: 'x.io/a:1@${A}', annotations: {n: 1, t: true}}]}`;
    expect(parseImagesLock(text).images).toEqual([
      { image: `index.docker.io/library/nginx@${A}` },
      { image: `x.io/a@${A}`, annotations: { n: '1', t: 'true' } },
    ]);
  });

  it('a lock of nothing is one', () => {
    const text = '---\napiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n';
    expect(parseImagesLock(text)).toEqual({ images: [] });
    expect(parseImagesLock(`${text}images:\n`)).toEqual({ images: [] });
    expect(printImagesLock({ images: [] })).toBe(text);
    expect(printImageLocations({ images: [] })).toBe(text.replace('ImagesLock', 'ImageLocations'));
  });

  const head = 'apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n';
  it.each([
    ['', /is not valid: it is empty/],
    ['- a', /it is not a map/],
    ['a: [', /images\.yml is not valid/],
    [`${head}---\n${head}`, /several documents/],
    [`${head}kind: ImagesLock\n`, /unique/],
    ['apiVersion: v2\nkind: ImagesLock', /Validating apiVersion: Unknown version \(known: imgpkg\.carvel/],
    [
      'apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: X',
      /Validating kind: Unknown kind \(known: ImagesLock\)/,
    ],
    [`${head}image: []`, /unknown field "image", expected apiVersion, kind, images/],
    [`${head}images: {}`, /images is not a list/],
    [`${head}images: [a]`, /images\[0\] is not valid: it is not a map/],
    [`${head}images: [{image: "a@${A}", tag: b}]`, /images\[0\] is not valid: unknown field "tag"/],
    [`${head}images: [{image: "a:1"}]`, /Expected ref to be in digest form, got "a:1"/],
    [`${head}images: [{image: "a@sha512:${'0'.repeat(128)}"}]`, /digest form/],
    [`${head}images: [{image: [a]}]`, /image is not text/],
    [`${head}images: [{image: "a@${A}", annotations: {a: [b]}}]`, /annotations is not a map of text/],
    [`a: &a [x,x]\nb: &b [${'*a,'.repeat(60)}]\nc: [${'*b,'.repeat(60)}]`, /alias/],
  ])('an ImagesLock %j is refused', (text, message) => {
    expect(() => parseImagesLock(text)).toThrow(message);
  });

  it.each([
    ['bundle: a', /bundle is not a map/],
    [`bundle: {image: "a@${A}", x: y}`, /unknown field "x"/],
    [`bundle: {image: "a@${A}", tag: []}`, /tag is not text/],
    ['bundle: {image: a}', /digest form/],
  ])('a BundleLock with %j is refused', (text, message) => {
    const whole = `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: BundleLock\n${text}`;
    expect(() => parseBundleLock(whole)).toThrow(message);
  });

  it('locations are read leniently', () => {
    const text = `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImageLocations\nmore: 1\nimages: [{image: "a.io/b@${A}", isBundle: true, z: 1}]`;
    expect(parseImageLocations(text).images).toEqual([{ image: `a.io/b@${A}`, isBundle: true }]);
  });

  it('whatever text comes, it is read or refused with a code', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        for (const parser of [parseImagesLock, parseBundleLock, parseImageLocations]) {
          try {
            parser(`${head}${text}`);
          } catch (error) {
            if (!isOciError(error)) throw error;
          }
        }
      }),
    );
  });
});

describe("YAML as Go's library prints it", () => {
  it.each([
    ['v1', 'v1'],
    ['1', '"1"'],
    ['1.0', '"1.0"'],
    ['1e3', '"1e3"'],
    ['0x1f', '"0x1f"'],
    ['1_000', '"1_000"'],
    ['12:30:45', '"12:30:45"'],
    ['2024-01-02', '"2024-01-02"'],
    ['true', '"true"'],
    ['Yes', '"Yes"'],
    ['n', '"n"'],
    ['', '""'],
    ['~', '"~"'],
    ['null', '"null"'],
    ['a: b', "'a: b'"],
    ['a #b', "'a #b'"],
    ["'q", "'''q'"],
    ['- a', "'- a'"],
    ['-a', '-a'],
    ['a:b', 'a:b'],
    [' a', "' a'"],
    ['{a}', "'{a}'"],
    ['@x', "'@x'"],
    ['a\tb', '"a\\tb"'],
    ['\u0007', '"\\a"'],
    ['a\nb', '|-\n  a\n  b'],
    ['a\nb\n', '|\n  a\n  b'],
    ['a\n\n', '|+\n  a\n'],
    [' a\nb', '|2-\n   a\n  b'],
    ['a \nb', '"a \\nb"'],
    ['ä€', 'ä€'],
  ])('%j is %s', (text, expected) => expect(printYaml({ k: text })).toBe(`k: ${expected}\n`));

  it('long text goes on in the next line', () => {
    const words = Array.from({ length: 30 }, () => 'word').join(' ');
    expect(printYaml({ k: words })).toBe(`k: ${'word '.repeat(15)}word\n  ${'word '.repeat(13)}word\n`);
  });

  it('keys come in natural order', () => {
    const keys = ['a10', 'a2', 'b', '1', 'A', 'a', 'a02', '_'];
    expect(keys.toSorted(byNaturalOrder)).toEqual(['_', '1', 'A', 'a', 'a2', 'a02', 'a10', 'b']);
  });

  it('what is printed is read as the same', () => {
    const text = fc
      .oneof(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: fc.constantFrom(...Array.from('a1 \n:#-"\'\t{[&*~')) }),
      )
      // A dot alone is text to Go, and no number to this reader.
      .filter((one) => !/^[-+]?\._*$/.test(one));
    const value = fc.dictionary(text, fc.oneof(text, fc.array(fc.dictionary(text, text))), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(value, (map) => {
        expect(parse(printYaml(map), { version: '1.1', uniqueKeys: true })).toEqual(map);
      }),
      { numRuns: 50 },
    );
  });
});
