import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { digestOf, parseDigest, type Descriptor } from '../../oci/index.js';
import { digests } from './arbitraries.js';

/** What JSON text holds, as a document from outside would be read. */
export const parsed = (text: string): unknown => JSON.parse(text) as unknown;

/** The bytes of a document. */
export const bytesOf = (document: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(document));

const annotations = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });

const platform = fc.record(
  {
    os: fc.string(),
    architecture: fc.string(),
    variant: fc.string(),
    'os.version': fc.string(),
    'os.features': fc.array(fc.string(), { maxLength: 2 }),
    features: fc.array(fc.string(), { maxLength: 2 }),
  },
  { requiredKeys: ['os', 'architecture'] },
);

const mediaTypes = fc.constantFrom(
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'text/plain; charset=utf-8',
);

/** Fields that no specification knows, of any shape. */
export const unknownFields: Arbitrary<Record<string, unknown>> = fc.dictionary(
  fc.string({ maxLength: 5 }).map((key) => `x-${key}`),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 2 },
);

const plain = fc.record(
  {
    mediaType: mediaTypes,
    digest: digests.map(parseDigest),
    size: fc.maxSafeNat(),
    artifactType: fc.string(),
    platform,
    annotations,
    urls: fc.array(fc.webUrl(), { maxLength: 2 }),
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);

const embedded = fc.tuple(mediaTypes, fc.uint8Array()).map(([mediaType, bytes]) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.byteLength,
  data: Buffer.from(bytes).toString('base64'),
}));

/** Valid descriptors, some with unknown fields, some with their content in them. */
export const descriptors: Arbitrary<Descriptor> = fc
  .tuple(fc.oneof(plain, embedded), unknownFields)
  .map(([known, unknown]) => ({ ...unknown, ...known }));

/** Objects with one field, at the top or one level down, replaced by anything that JSON has. */
export function withField(objects: Arbitrary<object>): Arbitrary<Record<string, unknown>> {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(null, '', 0, -1, 2 ** 53, [], {}, [null], [{}], { a: 1 }, '__proto__'),
  );
  return fc
    .tuple(objects, fc.nat(), fc.nat(), fc.boolean(), value)
    .map(([object, at, below, deep, other]) => {
      const copy = structuredClone(object) as Record<string, unknown>;
      const keys = Object.keys(copy);
      const key = keys[at % keys.length] ?? '';
      const inner = copy[key];
      const target =
        deep && typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : copy;
      const names = Object.keys(target);
      target[target === copy ? key : (names[below % names.length] ?? 'x')] = other;
      return copy;
    });
}
