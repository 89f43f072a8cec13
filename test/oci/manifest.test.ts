import { readFileSync, readdirSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../oci/digest.js';
import {
  DESCRIPTOR_LIMIT,
  MANIFEST_LIMIT,
  artifactTypeOf,
  childrenOf,
  parseManifest,
} from '../../oci/manifest.js';
import { MEDIA_TYPES, isImageType } from '../../oci/media-types.js';
import { messageOf, outcome } from './arbitraries.js';
import { bytesOf, descriptors, parsed, unknownFields, withField } from './documents.js';

const { ociManifest, ociIndex, dockerManifest, dockerManifestList, dockerConfig, ociConfig } = MEDIA_TYPES;

const config = { mediaType: ociConfig, digest: digestOf('{}'), size: 2 };
const layer = { mediaType: MEDIA_TYPES.ociLayerGzip, digest: digestOf('abc'), size: 3 };
const image = { schemaVersion: 2, mediaType: ociManifest, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: ociIndex, manifests: [{ ...layer, mediaType: ociManifest }] };
const untyped = (document: object): object => ({ ...document, mediaType: undefined });

const codeOf = (document: unknown, contentType?: string): string =>
  outcome(() => parseManifest(bytesOf(document), contentType));
const why = (document: unknown, contentType?: string): string =>
  messageOf(() => parseManifest(bytesOf(document), contentType));

const lists = fc.array(descriptors, { maxLength: 3 });
const shared = {
  artifactType: fc.string({ minLength: 1 }),
  subject: descriptors,
  annotations: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
};
const images = fc.record(
  { mediaType: fc.constantFrom(ociManifest, dockerManifest), config: descriptors, layers: lists, ...shared },
  { requiredKeys: ['mediaType', 'config', 'layers'] },
);
const indexes = fc.record(
  { mediaType: fc.constantFrom(ociIndex, dockerManifestList), manifests: lists, ...shared },
  { requiredKeys: ['mediaType', 'manifests'] },
);
const views = fc.oneof(images, indexes);

describe('parseManifest', () => {
  it('reads every valid manifest as what it says, whatever else it says', () => {
    fc.assert(
      fc.property(views, unknownFields, (view, unknown) => {
        const kind = isImageType(view.mediaType) ? 'image' : 'index';
        const bytes = bytesOf({ ...unknown, schemaVersion: 2, ...view });
        expect(JSON.stringify(parseManifest(bytes, view.mediaType))).toBe(
          JSON.stringify(parseManifest(bytes)),
        );
        expect(parseManifest(bytes)).toEqual({ kind, ...(parsed(JSON.stringify(view)) as object) });
      }),
    );
  });

  it('throws nothing but MANIFEST_INVALID when a field is something else', () => {
    const documents = views.map((view) => ({ schemaVersion: 2, ...view }));
    fc.assert(
      fc.property(withField(documents), (document) => {
        expect(['ok', 'MANIFEST_INVALID']).toContain(codeOf(document));
      }),
      { numRuns: 500 },
    );
  });

  it('throws nothing but MANIFEST_INVALID for any bytes, of any type', () => {
    const broken = fc.tuple(views, fc.nat(), fc.nat({ max: 255 })).map(([view, at, byte]) => {
      const bytes = bytesOf({ schemaVersion: 2, ...view });
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    const types = fc.option(fc.oneof(fc.constantFrom(ociManifest, ociIndex, ''), fc.string()), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.oneof(broken, fc.uint8Array(), fc.json().map(bytesOf)), types, (bytes, type) => {
        expect(['ok', 'MANIFEST_INVALID']).toContain(outcome(() => parseManifest(bytes, type)));
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['text', 'x'],
    ['an empty object', {}],
    ['no schemaVersion', { ...image, schemaVersion: undefined }],
    ['schemaVersion 3', { ...image, schemaVersion: 3 }],
    ['schemaVersion as text', { ...image, schemaVersion: '2' }],
    ['no fields', { schemaVersion: 2 }],
    ['an unknown type', { ...image, mediaType: 'application/vnd.oci.artifact.manifest.v1+json' }],
    ['a type that is no text', { ...image, mediaType: 7 }],
    ['an image without config', { ...image, config: undefined }],
    ['an image with a null config', { ...image, config: null }],
    ['an image without layers', { ...image, layers: undefined }],
    ['layers that are an object', { ...image, layers: {} }],
    ['a layer that is null', { ...image, layers: [null] }],
    ['an index without manifests', { ...index, manifests: undefined }],
    ['manifests that are text', { ...index, manifests: 'x' }],
    ['an image with manifests', { ...image, manifests: [] }],
    ['an image with null manifests', { ...image, manifests: null }],
    ['an index with layers', { ...index, layers: [] }],
    ['an index with a config', { ...index, config }],
    ['both and no type', { ...untyped(image), manifests: [] }],
    ['a subject that is text', { ...image, subject: 'sha256' }],
    ['a subject without digest', { ...image, subject: { ...layer, digest: '' } }],
    ['annotations that are a list', { ...image, annotations: [] }],
    ['annotations with a number', { ...image, annotations: { a: 1 } }],
    ['an artifactType that is a number', { ...image, artifactType: 1 }],
  ])('refuses %s', (_, document) => {
    expect(codeOf(document)).toBe('MANIFEST_INVALID');
  });

  it('says which descriptor of which list is wrong', () => {
    expect(why({ ...image, layers: [layer, { ...layer, size: -1 }] })).toBe(
      'layers[1].size is not a number of bytes',
    );
    expect(why({ ...index, manifests: undefined })).toBe('manifests is missing');
    expect(why({ ...image, config: undefined })).toBe('config is not an object');
  });

  it('reads the null lists and fields that Go writes as empty', () => {
    const nulls = { annotations: null, subject: null, artifactType: null };
    expect(parseManifest(bytesOf({ ...image, ...nulls, layers: null }))).toEqual({
      kind: 'image',
      mediaType: ociManifest,
      config,
      layers: [],
    });
    expect(parseManifest(bytesOf({ ...untyped(index), ...nulls, mediaType: null, manifests: null }))).toEqual(
      {
        kind: 'index',
        mediaType: ociIndex,
        manifests: [],
      },
    );
  });

  it('shows no empty artifactType', () => {
    expect(parseManifest(bytesOf({ ...image, artifactType: '' }))).not.toHaveProperty('artifactType');
  });

  it.each(['prettyjws', 'json'])('refuses Docker schema 1 (%s) and says what to do', (suffix) => {
    const type = `application/vnd.docker.distribution.manifest.v1+${suffix}`;
    const document = { schemaVersion: 1, name: 'a/b', tag: '1', fsLayers: [], history: [], signatures: [] };
    for (const message of [why(document), why(document, type), why({ ...document, mediaType: type })])
      expect(message).toMatch(/schema 1 .* push the image again/);
    expect(why({ ...image, mediaType: undefined, schemaVersion: 2 }, type)).toMatch(/schema 1/);
  });

  it('keeps keys that name parts of every object, and takes no field from them', () => {
    const text = JSON.stringify(image).replace('{', '{"__proto__":{"manifests":[],"subject":7},');
    const annotated = text.replace('{', '{"annotations":{"__proto__":"x","constructor":"y"},');
    const manifest = parseManifest(new TextEncoder().encode(annotated));
    expect(manifest.kind).toBe('image');
    expect(Object.entries(manifest.annotations ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.getPrototypeOf(manifest)).toBe(Object.prototype);
    expect('manifests' in {}).toBe(false);
    const hidden = new TextEncoder().encode(`{"__proto__":${JSON.stringify(image)}}`);
    expect(outcome(() => parseManifest(hidden))).toBe('MANIFEST_INVALID');
  });

  it('answers hostile documents with a short printable message', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const long = JSON.stringify('\u001b\u202e'.repeat(50_000));
    for (const value of [deep, long, '{}', '1e400', 'null', 'true']) {
      for (const field of [
        'schemaVersion',
        'mediaType',
        'config',
        'subject',
        'annotations',
        'artifactType',
      ]) {
        const text = JSON.stringify({ ...image, [field]: '@' }).replace('"@"', value);
        const bytes = new TextEncoder().encode(text);
        for (const type of [undefined, ociManifest]) {
          if (outcome(() => parseManifest(bytes, type)) === 'ok') continue;
          const message = messageOf(() => parseManifest(bytes, type));
          expect(message.length).toBeLessThan(2_000);
          expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        }
      }
    }
  });

  it('takes so many descriptors and refuses more, without a look at each', () => {
    const many = (length: number): unknown[] => Array.from({ length }, () => layer);
    expect(codeOf({ ...image, layers: many(DESCRIPTOR_LIMIT) })).toBe('ok');
    const broken = [null, ...many(DESCRIPTOR_LIMIT)];
    expect(why({ ...image, layers: broken })).toBe('layers has 4097 entries, more than 4096');
    expect(why({ ...index, manifests: broken })).toBe('manifests has 4097 entries, more than 4096');
  });

  it('reads a manifest as long as the limit', () => {
    const room = MANIFEST_LIMIT - bytesOf({ ...image, annotations: { a: '' } }).byteLength;
    const bytes = bytesOf({ ...image, annotations: { a: 'x'.repeat(room) } });
    expect(bytes.byteLength).toBe(MANIFEST_LIMIT);
    expect(parseManifest(bytes).kind).toBe('image');
  });
});

describe('the type of a manifest', () => {
  const dockerImage = { ...untyped(image), config: { ...config, mediaType: dockerConfig } };

  it.each<[string, object, string | undefined, string]>([
    ['its own, when nothing was sent', image, undefined, ociManifest],
    ['its own, when the sent one says nothing', image, 'application/json', ociManifest],
    ['its own, when the sent one is bytes', index, 'application/octet-stream', ociIndex],
    ['its own, when both agree', image, ociManifest, ociManifest],
    [
      'its own, parameters and capitals aside',
      image,
      'Application/VND.oci.image.manifest.v1+JSON; q=1',
      ociManifest,
    ],
    ['the sent one, when it has none', untyped(image), dockerManifest, dockerManifest],
    ['the sent one, when its own is empty', { ...image, mediaType: '' }, ociManifest, ociManifest],
    ['an index by its manifests', untyped(index), undefined, ociIndex],
    ['an image by its layers', untyped(image), undefined, ociManifest],
    ['a Docker image by its config', dockerImage, '', dockerManifest],
  ])('is %s', (_, document, sent, mediaType) => {
    expect(parseManifest(bytesOf(document), sent).mediaType).toBe(mediaType);
  });

  it.each<[object, string]>([
    [image, ociIndex],
    [image, dockerManifest],
    [index, ociManifest],
    [index, dockerManifestList],
    [image, 'text/plain'],
    [untyped(image), ociIndex],
    [untyped(index), ociManifest],
    [untyped(image), 'application/x-www-form-urlencoded'],
  ])('may not be contradicted: %#', (document, sent) => {
    expect(codeOf(document, sent)).toBe('MANIFEST_INVALID');
  });

  it('is shown both ways when they differ', () => {
    expect(why(image, dockerManifest)).toContain(ociManifest);
    expect(why(image, dockerManifest)).toContain(dockerManifest);
  });
});

describe('artifactTypeOf', () => {
  it('is its own, else the config of an image, else none', () => {
    const typeOf = (document: object): string | undefined => artifactTypeOf(parseManifest(bytesOf(document)));
    expect(typeOf({ ...image, artifactType: 'a/b' })).toBe('a/b');
    expect(typeOf({ ...index, artifactType: 'a/b' })).toBe('a/b');
    expect(typeOf(image)).toBe(ociConfig);
    expect(typeOf({ ...image, artifactType: '' })).toBe(ociConfig);
    expect(typeOf(index)).toBeUndefined();
    expect(typeOf({ ...index, artifactType: '' })).toBeUndefined();
  });
});

describe('childrenOf', () => {
  it('is config and layers, or manifests, in order and without the subject', () => {
    fc.assert(
      fc.property(views, (view) => {
        const children = childrenOf(parseManifest(bytesOf({ schemaVersion: 2, ...view })));
        const expected = 'config' in view ? [view.config, ...view.layers] : view.manifests;
        expect(JSON.stringify(children)).toBe(JSON.stringify(expected));
      }),
    );
  });
});

describe('what crane wrote', () => {
  const folder = new URL('../fixtures/crane/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.manifest.json'));
  const bytes = (name: string): Uint8Array => readFileSync(new URL(name, folder));
  const children = (name: string): readonly string[] =>
    childrenOf(parseManifest(bytes(name))).map((child) => child.digest);

  it.each(files)('%s parses under its own type', (name) => {
    const document = parsed(Buffer.from(bytes(name)).toString()) as { mediaType: string };
    const manifest = parseManifest(bytes(name), document.mediaType);
    expect(manifest.mediaType).toBe(document.mediaType);
    expect(manifest).toMatchObject(
      parsed(JSON.stringify({ ...document, schemaVersion: undefined })) as object,
    );
  });

  it('is named by the digests it uses itself', () => {
    expect(files).toHaveLength(9);
    const arm = digestOf(bytes('mut-1.manifest.json'));
    expect([children('idx-1.manifest.json')[1], ...children('idx-arm.manifest.json')]).toEqual([arm, arm]);
    const app = parseManifest(bytes('app-1.manifest.json'));
    expect(app.annotations?.['org.opencontainers.image.base.digest']).toBe(
      digestOf(bytes('base-1.manifest.json')),
    );
  });
});
