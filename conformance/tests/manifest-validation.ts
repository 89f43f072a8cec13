import { MEDIA_TYPES, encodeJson, type Descriptor } from '../../oci/index.js';
import { describeBytes, pieces, toPushable, type Pushable } from '../content.js';
import { expectCode, expectDigest, expectEqual, expectStatus } from '../expect.js';
import { imageDocument, makeImage, makeIndex } from '../images.js';
import { skip } from '../outcome.js';
import { getManifest, manifestPath, pushBlob, sendManifest } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectManifest, expectNoManifest, expectRoundTrip } from './manifest-claims.js';

const OVERSIZE = 16 * 1024 * 1024;

/** What is no manifest, what is too much of one, and what names content that is not there. */
export const manifestValidationTests: readonly TestCase[] = [
  ...malformed(),
  {
    id: 'manifest.content-type.parameters',
    title: 'parameters of the Content-Type are ignored',
    section: SECTIONS.pushManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const image = await makeImage(context);
      const headers = { 'content-type': `${image.descriptor.mediaType}; charset=utf-8` };
      expectStatus(await sendManifest(context.http, context.repository, image, 'tag', headers), 201);
      await expectManifest(context, 'tag', image);
    },
  },
  {
    id: 'manifest.content-type.mismatch',
    title: 'a Content-Type other than the mediaType of the document answers 400',
    section: SECTIONS.pushManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const image = await makeImage(context);
      const headers = { 'content-type': MEDIA_TYPES.dockerManifest };
      const answer = await sendManifest(context.http, context.repository, image, 'tag', headers);
      expectCode(expectStatus(answer, 400), 'MANIFEST_INVALID');
    },
  },
  {
    id: 'manifest.no-media-type',
    title: 'a document without mediaType goes by its Content-Type',
    section: SECTIONS.pushManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const image = await makeImage(context, { more: { mediaType: undefined } });
      const document = JSON.parse(Buffer.from(image.bytes).toString('utf8')) as Record<string, unknown>;
      delete document.mediaType;
      const bytes = encodeJson(document);
      await expectRoundTrip(context, { bytes, descriptor: describeBytes(MEDIA_TYPES.ociManifest, bytes) });
    },
  },
  {
    id: 'manifest.streamed',
    title: 'a manifest may be sent without its length',
    section: SECTIONS.pushManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      const image = await makeImage(context);
      const answer = await http.send('PUT', manifestPath(repository, 'tag'), {
        headers: { 'content-type': image.descriptor.mediaType },
        body: pieces(image.bytes, 100),
      });
      expectDigest(expectStatus(answer, 201), image.bytes);
      await expectManifest(context, 'tag', image);
    },
  },
  tooLarge('manifest.too-large', 'a manifest of 16 MiB answers 413', (bytes) => bytes),
  {
    ...tooLarge(
      'manifest.too-large.expect',
      'a manifest of 16 MiB whose client waits with it (Expect: 100-continue) answers 413',
      (bytes) => bytes,
      { expect: '100-continue' },
    ),
    isSocket: true,
  },
  tooLarge('manifest.too-large.streamed', 'a manifest of 16 MiB without its length answers 413', (bytes) =>
    pieces(bytes, 64 * 1024),
  ),
  blobUnknown('config', 'config', async (context) => {
    const layer = await pushBlob(context.http, context.repository, context.content.bytes('layer', 90));
    const config = missing(context, 'config', MEDIA_TYPES.ociConfig);
    return { manifest: toPushable(imageDocument({ config, layers: [layer] })), missing: [config] };
  }),
  blobUnknown('layer', 'layers', async (context) => {
    const config = await pushBlob(context.http, context.repository, context.content.bytes('config', 90), {
      mediaType: MEDIA_TYPES.ociConfig,
    });
    const layers = ['one', 'two'].map((label) => missing(context, label, MEDIA_TYPES.ociLayerGzip));
    return { manifest: toPushable(imageDocument({ config, layers })), missing: layers };
  }),
  blobUnknown('child', 'manifests', async (context) => {
    const child = missing(context, 'child', MEDIA_TYPES.ociManifest);
    return { manifest: makeIndex([child]), missing: [child] };
  }),
  sparse('image', 'an image whose blobs were never pushed', (context) =>
    toPushable(
      imageDocument({
        config: missing(context, 'config', MEDIA_TYPES.ociConfig),
        layers: [missing(context, 'layer', MEDIA_TYPES.ociLayerGzip)],
      }),
    ),
  ),
  sparse('index', 'an index whose manifests were never pushed', (context) =>
    makeIndex([missing(context, 'child', MEDIA_TYPES.ociManifest)]),
  ),
];

interface Incomplete {
  readonly manifest: Pushable;
  readonly missing: readonly Descriptor[];
}

/** The descriptor of content that nobody pushes. */
function missing({ content }: TestContext, label: string, mediaType: string): Descriptor {
  return describeBytes(mediaType, content.bytes(`missing ${label}`, 80));
}

function blobUnknown(
  name: string,
  what: string,
  make: (context: TestContext) => Incomplete | Promise<Incomplete>,
): TestCase {
  return {
    id: `manifest.blob-unknown.${name}`,
    title: `a manifest with missing ${what} answers MANIFEST_BLOB_UNKNOWN for each`,
    section: SECTIONS.pushManifest,
    level: 'may',
    profile: 'strict',
    sparse: false,
    async run(context) {
      const made = await make(context);
      const answer = await sendManifest(context.http, context.repository, made.manifest, 'tag');
      if (answer.status === 201) skip(`missing content is accepted: ${answer.summary}`);
      expectStatus(answer, 400, 404);
      const named = answer.errors.filter((error) => error.code === 'MANIFEST_BLOB_UNKNOWN');
      expectEqual(answer, 'the number of MANIFEST_BLOB_UNKNOWN', named.length, made.missing.length);
      for (const { digest } of made.missing) {
        if (!named.some((error) => JSON.stringify(error).includes(digest))) {
          answer.fail(`expected an entry that names ${digest}`);
        }
      }
      await expectNoManifest(context, 'tag');
    },
  };
}

function sparse(name: string, what: string, make: (context: TestContext) => Pushable): TestCase {
  return {
    id: `manifest.sparse.${name}`,
    title: `${what} is taken and comes back`,
    section: SECTIONS.pushManifest,
    level: 'may',
    sparse: true,
    run: async (context) => expectRoundTrip(context, make(context)),
  };
}

function tooLarge(
  id: string,
  title: string,
  toBody: (bytes: Uint8Array) => Uint8Array | AsyncIterable<Uint8Array>,
  more: Readonly<Record<string, string>> = {},
): TestCase {
  return {
    id,
    title,
    section: SECTIONS.pushManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      const image = await makeImage(context, { more: { annotations: { padding: 'x'.repeat(OVERSIZE) } } });
      const answer = await http.send('PUT', manifestPath(repository, 'tag'), {
        headers: { 'content-type': image.descriptor.mediaType, ...more },
        body: toBody(image.bytes),
      });
      if (answer.status === 201) skip('there is no limit below 16 MiB');
      expectStatus(answer, 413);
      expectCode(answer, 'MANIFEST_INVALID', 'SIZE_INVALID');
      await expectNoManifest(context, 'tag');
      // The connection, or a new one, goes on.
      expectStatus(await getManifest(http, repository, 'other'), 404);
    },
  };
}

/** Documents that are no manifest. */
function malformed(): readonly TestCase[] {
  const digest = `sha256:${'0'.repeat(64)}`;
  const config = { mediaType: MEDIA_TYPES.ociConfig, digest, size: 2 };
  const image = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [] };
  const documents: Readonly<Record<string, readonly [what: string, body: string, type?: string]>> = {
    'not-json': ['something that is not JSON', '{"schemaVersion": 2,'],
    empty: ['an empty body', ''],
    list: ['a JSON list', '[]'],
    'schema-version': ['schemaVersion 3', JSON.stringify({ ...image, schemaVersion: 3 })],
    'no-config': ['an image without config', JSON.stringify({ ...image, config: undefined })],
    'layers-no-list': ['layers that are no list', JSON.stringify({ ...image, layers: {} })],
    'bad-descriptor-digest': [
      'a descriptor with a malformed digest',
      JSON.stringify({ ...image, config: { ...config, digest: 'sha256:abc' } }),
    ],
    'bad-descriptor-size': [
      'a descriptor of negative size',
      JSON.stringify({ ...image, config: { ...config, size: -1 } }),
    ],
    'schema-1': [
      "Docker's schema 1",
      JSON.stringify({
        schemaVersion: 1,
        name: 'a',
        tag: 'b',
        architecture: 'amd64',
        fsLayers: [],
        history: [],
      }),
      MEDIA_TYPES.dockerSchema1,
    ],
  };
  return Object.entries(documents).map(([name, [what, body, type = MEDIA_TYPES.ociManifest]]) => ({
    id: `manifest.invalid.${name}`,
    title: `${what} answers 400 MANIFEST_INVALID`,
    section: SECTIONS.pushManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      await makeImage(context);
      const answer = await http.send('PUT', manifestPath(repository, 'tag'), {
        headers: { 'content-type': type },
        body: Buffer.from(body),
      });
      expectCode(expectStatus(answer, 400), 'MANIFEST_INVALID');
      await expectNoManifest(context, 'tag');
    },
  }));
}
