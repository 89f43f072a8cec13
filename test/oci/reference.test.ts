import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf, parseDigest } from '../../oci/digest.js';
import { isOciError } from '../../oci/errors.js';
import { isHost } from '../../oci/host.js';
import {
  DEFAULT_REGISTRY,
  NAME_LIMIT,
  formatReference,
  isRepository,
  isTag,
  parseReference,
  parseRepository,
  parseTag,
  referrersTag,
  type Reference,
} from '../../oci/reference.js';
import {
  digests,
  hosts,
  hostileTexts,
  messageOf,
  mixed,
  outcome,
  repositories,
  tags,
} from './arbitraries.js';

/** The distribution spec's own expressions, anchored. */
const NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

const HEX = '1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a';
const DIGEST = `sha256:${HEX}`;

const references: Arbitrary<Reference> = fc
  .record(
    { registry: hosts, repository: repositories, tag: tags, digest: digests.map(parseDigest) },
    { requiredKeys: ['registry', 'repository'] },
  )
  .filter(({ registry, repository }) => registry !== DEFAULT_REGISTRY || repository.includes('/'));

const texts = fc.oneof(
  references.map(formatReference),
  fc.tuple(repositories, tags).map(([name, tag]) => `${name}:${tag}`),
  fc.tuple(repositories, digests).map(([name, digest]) => `${name}@${digest}`),
);

describe('isRepository', () => {
  it('agrees with the expression of the spec, up to the length limit', () => {
    fc.assert(
      fc.property(mixed(repositories), (text) => {
        const valid = NAME.test(text) && text.length <= NAME_LIMIT;
        expect(isRepository(text)).toBe(valid);
        expect(outcome(() => parseRepository(text))).toBe(valid ? 'ok' : 'NAME_INVALID');
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    'a',
    '0',
    'a.b',
    'a_b',
    'a__b',
    'a-b',
    'a---b',
    'a/b/c',
    'a/blobs/uploads/manifests',
    'a'.repeat(255),
    HEX,
  ])('accepts %s', (name) => {
    expect(parseRepository(name)).toBe(name);
  });

  const WRONG = [
    [
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      '.',
      '..',
      'a/..',
      '../a',
      'a/./b',
      '.a',
      'a.',
      'a..b',
      'a.-b',
      'a_.b',
      'a._b',
    ],
    [
      '_a',
      'a_',
      'a___b',
      '-a',
      'a-',
      '_catalog',
      'A',
      'aB',
      'a b',
      ' a',
      'a\n',
      'a\0',
      'a%2fb',
      'a%2e%2e',
      'a:b',
    ],
    ['a@b', 'a\\b', 'a+b', '\u00e9', '\uff41', '\u0131', 'a\u200bb', '__proto__', `${'a/'.repeat(127)}aa`],
  ];

  it.each(WRONG.flat())('refuses %j', (name) => {
    expect(isRepository(name)).toBe(false);
    expect(outcome(() => parseRepository(name))).toBe('NAME_INVALID');
  });

  it('tells a long name from a wrong one', () => {
    expect(messageOf(() => parseRepository('a'.repeat(256)))).toMatch(/longer than 255/);
    expect(messageOf(() => parseRepository('Team/App'))).toMatch(/lower-case/);
  });
});

describe('isTag', () => {
  it('agrees with the expression of the spec', () => {
    fc.assert(
      fc.property(mixed(tags), (text) => {
        expect(isTag(text)).toBe(TAG.test(text));
        expect(outcome(() => parseTag(text))).toBe(TAG.test(text) ? 'ok' : 'TAG_INVALID');
      }),
      { numRuns: 500 },
    );
  });

  it.each(['a', '_', 'A', '0', 'v1.2.3-rc_1', '__proto__', 'a'.repeat(128), HEX])('accepts %s', (tag) => {
    expect(parseTag(tag)).toBe(tag);
  });

  it.each([
    '',
    '.a',
    '-a',
    'a:b',
    'a/b',
    'a b',
    'a\n',
    '\na',
    'a+b',
    '\u00e9',
    '\u0660',
    '..',
    'a%',
    'a'.repeat(129),
  ])('refuses %j', (tag) => {
    expect(outcome(() => parseTag(tag))).toBe('TAG_INVALID');
  });
});

describe('parseReference and formatReference', () => {
  it('parses what was printed back to what it was', () => {
    fc.assert(
      fc.property(references, (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
      }),
      { numRuns: 500 },
    );
  });

  it('prints whatever it accepts so that it means the same, under any default registry', () => {
    fc.assert(
      fc.property(mixed(texts), hosts, (text, defaultRegistry) => {
        if (outcome(() => parseReference(text)) !== 'ok') return;
        const reference = parseReference(text);
        expect(parseReference(formatReference(reference), { defaultRegistry })).toEqual(reference);
        const elsewhere = parseReference(text, { defaultRegistry });
        expect(parseReference(formatReference(elsewhere))).toEqual(elsewhere);
      }),
      { numRuns: 500 },
    );
  });

  it('returns parts that are each valid, or throws REFERENCE_INVALID', () => {
    fc.assert(
      fc.property(mixed(texts), (text) => {
        const code = outcome(() => parseReference(text));
        if (code !== 'ok') {
          expect(code).toBe('REFERENCE_INVALID');
          return;
        }
        const { registry, repository, tag, digest } = parseReference(text);
        expect(isHost(registry) && isRepository(repository)).toBe(true);
        expect(tag === undefined || isTag(tag)).toBe(true);
        expect(digest === undefined || text.endsWith(`@${digest}`)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('agrees with one expression for the whole grammar', () => {
    // Which hosts there are is the affair of host.test.ts.
    const host = '(?<host>localhost|[^/@]*[.:A-Z][^/@]*)/';
    const noHost = '(?!localhost/|[^/]*[.:A-Z][^/]*/)';
    const [name, tag] = [NAME.source.slice(1, -1), TAG.source.slice(1, -1)];
    const digest = 'sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}';
    const whole = new RegExp(`^(?:${host}|${noHost})${name}(?::${tag})?(?:@(?:${digest}))?$`);
    fc.assert(
      fc.property(mixed(texts), (text) => {
        fc.pre(!/^(?:sha(?:256|512):)?[0-9a-f]{64,128}$/.test(text));
        const groups = whole.exec(text)?.groups;
        const valid = groups !== undefined && (groups.host === undefined || isHost(groups.host));
        expect(outcome(() => parseReference(text))).toBe(valid ? 'ok' : 'REFERENCE_INVALID');
      }),
      { numRuns: 1_000 },
    );
  });

  const hub = DEFAULT_REGISTRY;
  it.each<[string, Reference]>([
    ['ubuntu', { registry: hub, repository: 'library/ubuntu' }],
    ['ubuntu:22.04', { registry: hub, repository: 'library/ubuntu', tag: '22.04' }],
    ['docker.io/ubuntu', { registry: hub, repository: 'library/ubuntu' }],
    ['index.docker.io/ubuntu', { registry: hub, repository: 'library/ubuntu' }],
    ['docker.io/library/ubuntu', { registry: hub, repository: 'library/ubuntu' }],
    ['docker.io/foo/bar', { registry: hub, repository: 'foo/bar' }],
    ['foo/bar', { registry: hub, repository: 'foo/bar' }],
    ['registry-1.docker.io/ubuntu', { registry: 'registry-1.docker.io', repository: 'ubuntu' }],
    ['localhost', { registry: hub, repository: 'library/localhost' }],
    ['localhost/x', { registry: 'localhost', repository: 'x' }],
    ['localhost:5000', { registry: hub, repository: 'library/localhost', tag: '5000' }],
    ['localhost:5000/x', { registry: 'localhost:5000', repository: 'x' }],
    ['host.example', { registry: hub, repository: 'library/host.example' }],
    ['REGISTRY/app', { registry: 'REGISTRY', repository: 'app' }],
    ['[::1]/x', { registry: '[::1]', repository: 'x' }],
    ['[::1]:5000/a/b:1', { registry: '[::1]:5000', repository: 'a/b', tag: '1' }],
    ['h:65535/x', { registry: 'h:65535', repository: 'x' }],
    [
      `host:5000/name:tag@${DIGEST}`,
      { registry: 'host:5000', repository: 'name', tag: 'tag', digest: parseDigest(DIGEST) },
    ],
    [
      `[fc00::1]:5000/a@${DIGEST}`,
      { registry: '[fc00::1]:5000', repository: 'a', digest: parseDigest(DIGEST) },
    ],
  ])('reads %s', (text, reference) => {
    expect(parseReference(text)).toEqual(reference);
  });

  it.each<[string, RegExp]>([
    ['', /repository "" is not valid/],
    ['https://host.example/x', /leave out http:/],
    ['http://localhost:5000/x', /leave out http:/],
    [HEX, /repository@digest/],
    [DIGEST, /repository@digest/],
    [`sha512:${HEX}${HEX}`, /repository@digest/],
    [`@${DIGEST}`, /repository "" is not valid/],
    [`name@${DIGEST}:tag`, /digest .* is not valid/],
    ['name:', /tag "" is not valid/],
    ['host.example/', /repository "" is not valid/],
    ['host.example/x/', /repository "x\/" is not valid/],
    ['h:65536/x', /"h:65536" is not a host/],
    ['docker.io/Foo', /lower-case/],
    ['a'.repeat(248), /longer than 255/],
    ['\u001b]0;x\u0007', /"\\u001b\]0;x\\u0007"/],
  ])('refuses %j and says why', (text, reason) => {
    expect(outcome(() => parseReference(text))).toBe('REFERENCE_INVALID');
    expect(messageOf(() => parseReference(text))).toMatch(reason);
  });

  it('keeps the error of the part that is wrong as its cause', () => {
    const causes = ['x:-', 'x@y', 'X'].map((text) => {
      try {
        return parseReference(text);
      } catch (error) {
        return isOciError(error, 'REFERENCE_INVALID') && isOciError(error.cause) && error.cause.code;
      }
    });
    expect(causes).toEqual(['TAG_INVALID', 'DIGEST_INVALID', 'NAME_INVALID']);
  });

  it('refuses long text by its length, with a short message', () => {
    const valid = [
      'a/'.repeat(50_000) + 'a',
      `host.example/${'a'.repeat(100_000)}`,
      `a:${'1'.repeat(100_000)}`,
    ];
    for (const text of [...valid, ...hostileTexts(100_000), 'a'.repeat(16_000_000)]) {
      expect(outcome(() => parseReference(text))).toBe('REFERENCE_INVALID');
      expect(outcome(() => parseRepository(text))).toBe('NAME_INVALID');
      expect(outcome(() => parseTag(text))).toBe('TAG_INVALID');
      expect(messageOf(() => parseReference(text)).length).toBeLessThan(2_000);
    }
  });

  it('has room for the longest parts there can be', () => {
    const host = `${'a'.repeat(249)}.com:65535`;
    const text = `${host}/${'a'.repeat(255)}:${'t'.repeat(128)}@sha512:${HEX}${HEX}`;
    expect(formatReference(parseReference(text))).toBe(text);
  });
});

describe('the default registry', () => {
  it('stands in where none is named, and adds library/ on Docker Hub only', () => {
    const at = (text: string, defaultRegistry: string): string =>
      formatReference(parseReference(text, { defaultRegistry }));
    expect(at('ubuntu', 'localhost:5000')).toBe('localhost:5000/ubuntu');
    expect(at('a/b:1', '[::1]:5000')).toBe('[::1]:5000/a/b:1');
    expect(at('host.example/x', 'localhost')).toBe('host.example/x');
    expect(at('docker.io/x', 'localhost')).toBe('index.docker.io/library/x');
    expect(at('x', 'docker.io')).toBe('index.docker.io/library/x');
    expect(at('x', 'index.docker.io')).toBe('index.docker.io/library/x');
  });

  it.each([
    '',
    'registry',
    'docker',
    'https://host.example',
    'host.example/',
    'h:0',
    'a b.c',
    '127.1',
    'a'.repeat(100_000),
  ])('is refused as %.40s, which no printed reference could carry', (defaultRegistry) => {
    expect(outcome(() => parseReference('x', { defaultRegistry }))).toBe('INVALID_OPTION');
  });
});

describe('referrersTag', () => {
  it('is a tag: the algorithm, a dash, and at most 64 characters of the rest', () => {
    fc.assert(
      fc.property(digests.map(parseDigest), (digest) => {
        const [algorithm, hex] = digest.split(':');
        expect(referrersTag(digest)).toBe(`${algorithm}-${hex?.slice(0, 64)}`);
        expect(isTag(referrersTag(digest))).toBe(true);
      }),
    );
  });

  it('is the example of the distribution spec for sha512, cut', () => {
    expect(referrersTag(digestOf('', 'sha512'))).toBe(
      'sha512-cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce',
    );
  });
});
