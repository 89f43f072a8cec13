import { encodeJson } from '../../oci/index.js';
import { MEDIA_TYPES } from '../../oci/index.js';
import type { Pushable } from '../content.js';
import { makeImage, makeIndex, onPlatform, pushImage } from '../images.js';
import { pushBlob, pushManifest } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectManifest, expectRoundTrip } from './manifest-claims.js';

/** Indexes of every shape, which must come back as they went in. */
export const indexTests: readonly TestCase[] = [
  index('index', 'an index of two images', async (context) => twoImages(context)),
  index('index-nested', 'an index of an index', async (context) => {
    const inner = await twoImages(context);
    await pushManifest(context.http, context.repository, inner);
    return makeIndex([inner.descriptor]);
  }),
  index('index-empty', 'an index of nothing', async (context) => {
    // The repository exists before, as with every other manifest.
    await makeImage(context);
    return makeIndex([], { annotations: { seed: context.content.word('index') } });
  }),
  index('artifact-index', 'an index with an artifactType', async (context) => {
    const child = await pushImage(context);
    return makeIndex([child.descriptor], { artifactType: 'application/vnd.example.conformance' });
  }),
  {
    ...index('index-unknown-fields', 'an index with fields nobody knows', async (context) => {
      const child = await pushImage(context);
      return makeIndex([child.descriptor], { 'org.example.more': [1, { a: null }] });
    }),
    profile: 'strict',
  },
  {
    ...index('index-of-blob', 'an index with a child that is a blob of some other type', async (context) => {
      const blob = await pushBlob(context.http, context.repository, encodeJson({ some: 'document' }), {
        mediaType: 'application/vnd.example.document',
      });
      const child = await pushImage(context);
      return makeIndex([child.descriptor, blob]);
    }),
    profile: 'strict',
  },
  {
    id: 'manifest.index-children-stay',
    title: 'children of a tagged index are readable by digest',
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const children = [
        await pushImage(context, { label: 'one' }),
        await pushImage(context, { label: 'two' }),
      ];
      const parent = makeIndex(children.map((child) => child.descriptor));
      await pushManifest(context.http, context.repository, parent, 'parent');
      for (const child of children) await expectManifest(context, child.descriptor.digest, child);
      await expectManifest(context, 'parent', parent);
    },
  },
];

function index(name: string, what: string, make: (context: TestContext) => Promise<Pushable>): TestCase {
  return {
    id: `manifest.${name}`,
    title: `${what} comes back byte for byte, by digest and by tag`,
    section: SECTIONS.pushManifest,
    level: 'must',
    run: async (context) => expectRoundTrip(context, await make(context)),
  };
}

async function twoImages(context: TestContext): Promise<Pushable> {
  const one = await pushImage(context, { label: 'one' });
  const two = await pushImage(context, { label: 'two', layerType: MEDIA_TYPES.ociLayer });
  return makeIndex([onPlatform(one.descriptor, 'amd64'), onPlatform(two.descriptor, 'arm64')]);
}
