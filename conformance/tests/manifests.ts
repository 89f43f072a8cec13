import { MEDIA_TYPES, digestOf } from '../../oci/index.js';
import { describeBytes, toPushable, type Pushable } from '../content.js';
import { expectDigest, expectStatus } from '../expect.js';
import {
  EMPTY_JSON,
  imageDocument,
  makeArtifact,
  makeImage,
  makeIndex,
  onPlatform,
  pushImage,
} from '../images.js';
import { getManifest, manifestPath, pushBlob, pushManifest, sendManifest } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectManifest, expectNoManifest, expectRoundTrip } from './manifest-claims.js';

const LARGE = 3_900_000;
const ARTIFACT_TYPE = 'application/vnd.example.conformance';

/** What must come back as it went in. */
export const manifestTests: readonly TestCase[] = [
  {
    id: 'manifest.unknown',
    title: 'GET and HEAD of an unknown tag and digest answer 404',
    section: SECTIONS.pullManifest,
    level: 'must',
    async run(context) {
      await pushImage(context, { tag: 'known' });
      await expectNoManifest(context, 'unknown');
      await expectNoManifest(context, digestOf(context.content.bytes('missing', 20)));
    },
  },
  roundTrip('image', 'an image', (context) => makeImage(context)),
  roundTrip('image-uncompressed', 'an image with a layer that is not compressed', (context) =>
    makeImage(context, { layerType: MEDIA_TYPES.ociLayer }),
  ),
  roundTrip('large', 'a manifest of 3.9 MB', (context) =>
    makeImage(context, { more: { annotations: { 'org.example.padding': 'x'.repeat(LARGE) } } }),
  ),
  roundTrip('no-layers', 'an image without layers', (context) => makeImage(context, { layers: 0 })),
  roundTrip('unknown-fields', 'an image with fields nobody knows', (context) =>
    makeImage(context, {
      more: {
        'org.example.more': { list: [1, null, 'ü'], number: 1.5 },
        zebra: true,
        annotations: { b: '1', a: '' },
      },
    }),
  ),
  roundTrip('artifact', 'an artifact', (context) =>
    makeImage(context, { configType: MEDIA_TYPES.ociConfig, more: { artifactType: ARTIFACT_TYPE } }),
  ),
  roundTrip('artifact-no-layers', 'an artifact with nothing but the empty layer', (context) =>
    makeArtifact(context, { artifactType: ARTIFACT_TYPE }),
  ),
  roundTrip('data', 'descriptors with embedded data', withData),
  roundTrip(
    'non-distributable',
    'an image whose layers are elsewhere (urls) and were never pushed',
    (context) => foreign(context, { urls: ['https://layers.example/1'] }),
  ),
  {
    ...roundTrip(
      'non-distributable.no-urls',
      'an image whose layers may not be distributed and were never pushed',
      (context) => foreign(context, {}),
    ),
    profile: 'strict',
  },
  {
    id: 'manifest.wrong-digest',
    title: 'a push by digest of other bytes answers 400',
    section: SECTIONS.pushManifest,
    level: 'must',
    async run(context) {
      const image = await makeImage(context);
      const bytes = Buffer.concat([image.bytes, Buffer.from('\n')]);
      const altered: Pushable = { ...image, bytes };
      expectStatus(await sendManifest(context.http, context.repository, altered), 400);
      await expectNoManifest(context, image.descriptor.digest);
    },
  },
  {
    id: 'manifest.bad-digest',
    title: 'a push to sha256:baddigeststring answers 400, a GET of it 400 or 404',
    section: SECTIONS.pushManifest,
    level: 'must',
    async run(context) {
      const { http, repository } = context;
      const image = await makeImage(context);
      expectStatus(await sendManifest(http, repository, image, 'sha256:baddigeststring'), 400);
      expectStatus(await http.send('GET', manifestPath(repository, 'sha256:baddigeststring')), 400, 404);
    },
  },
  {
    id: 'manifest.digest-header',
    title: 'GET, HEAD and PUT of a manifest carry Docker-Content-Digest',
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'dev',
    async run(context) {
      const { http, repository } = context;
      const image = await makeImage(context);
      const options = { algorithm: 'sha256', required: true } as const;
      for (const reference of [image.descriptor.digest, 'tag']) {
        expectDigest(await pushManifest(http, repository, image, reference), image.bytes, options);
        for (const method of ['GET', 'HEAD'] as const) {
          const answer = expectStatus(await getManifest(http, repository, reference, method), 200);
          expectDigest(answer, image.bytes, options);
        }
      }
    },
  },
  {
    id: 'manifest.tag-moves',
    title: 'a tag pushed again leads to the new manifest; the old one stays by digest',
    section: SECTIONS.pushManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const before = await pushImage(context, { label: 'before', tag: 'moving' });
      const after = await pushImage(context, { label: 'after', tag: 'moving' });
      await expectManifest(context, 'moving', after);
      await expectManifest(context, before.descriptor.digest, before);
    },
  },
  {
    id: 'manifest.pushed-twice',
    title: 'the same manifest can be pushed again, under the same and under other tags',
    section: SECTIONS.pushManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const image = await pushImage(context, { tag: 'one' });
      for (const tag of ['one', 'two']) await pushManifest(context.http, context.repository, image, tag);
      for (const tag of ['one', 'two']) await expectManifest(context, tag, image);
    },
  },
  {
    id: 'manifest.exact-bytes',
    title: 'white space, key order and escapes of a manifest are kept',
    section: SECTIONS.pushManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const image = await makeImage(context);
      const document = JSON.parse(Buffer.from(image.bytes).toString('utf8')) as Record<string, unknown>;
      const turned = Object.fromEntries(Object.entries(document).toReversed());
      const text = ` ${JSON.stringify({ ...turned, annotations: { key: 'é' } }, null, '\t')}\r\n`;
      const bytes = Buffer.from(text.replace('é', String.raw`\u00e9`));
      const { mediaType } = image.descriptor;
      await expectRoundTrip(context, { bytes, descriptor: describeBytes(mediaType, bytes) });
    },
  },
  ...(['image', 'list'] as const).map((kind): TestCase => ({
    id: `manifest.docker.${kind}`,
    title: `Docker's schema 2 ${kind === 'image' ? 'manifest' : 'manifest list'}, byte for byte`,
    section: SECTIONS.pushManifest,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const types = { configType: MEDIA_TYPES.dockerConfig, layerType: MEDIA_TYPES.dockerLayer };
      const image = await makeImage(context, { ...types, mediaType: MEDIA_TYPES.dockerManifest });
      if (kind === 'image') return expectRoundTrip(context, image);
      await pushManifest(context.http, context.repository, image);
      const manifests = [onPlatform(image.descriptor, 'amd64')];
      await expectRoundTrip(context, makeIndex(manifests, { mediaType: MEDIA_TYPES.dockerManifestList }));
    },
  })),
];

function roundTrip(name: string, what: string, make: (context: TestContext) => Promise<Pushable>): TestCase {
  return {
    id: `manifest.${name}`,
    title: `${what} comes back byte for byte, by digest and by tag`,
    section: SECTIONS.pushManifest,
    level: 'must',
    run: async (context) => expectRoundTrip(context, await make(context)),
  };
}

async function withData({ http, content, repository }: TestContext): Promise<Pushable> {
  const layer = content.bytes('layer', 60);
  await pushBlob(http, repository, EMPTY_JSON);
  await pushBlob(http, repository, layer);
  const embed = (mediaType: string, bytes: Uint8Array) => ({
    ...describeBytes(mediaType, bytes),
    data: Buffer.from(bytes).toString('base64'),
  });
  const config = embed(MEDIA_TYPES.ociEmpty, EMPTY_JSON);
  const layers = [embed(MEDIA_TYPES.ociLayerGzip, layer)];
  return toPushable(imageDocument({ config, layers, artifactType: ARTIFACT_TYPE }));
}

async function foreign(
  { http, content, repository }: TestContext,
  more: { readonly urls?: readonly string[] },
): Promise<Pushable> {
  const config = await pushBlob(http, repository, content.bytes('config', 50), {
    mediaType: MEDIA_TYPES.ociConfig,
  });
  const types = [MEDIA_TYPES.ociLayerNonDistributable, MEDIA_TYPES.ociLayerNonDistributableGzip];
  const layers = types.map((mediaType, i) => ({
    ...describeBytes(mediaType, content.bytes(`layer ${i}`, 400)),
    ...more,
  }));
  return toPushable(imageDocument({ config, layers }));
}
