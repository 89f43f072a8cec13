import { MEDIA_TYPES } from '../../oci/index.js';
import type { Pushable } from '../content.js';
import { expectBody, expectEqual, expectHeader, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { makeIndex, onPlatform, pushImage } from '../images.js';
import { manifestPath, pushManifest } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { withQuery } from '../wire.js';

const { ociManifest, ociIndex, dockerManifest, dockerManifestList } = MEDIA_TYPES;

/** `Accept` chooses nothing but whether an answer fits; what is stored is never converted. */
export const negotiationTests: readonly TestCase[] = [
  image('none', 'no Accept at all', undefined),
  image('stored', 'the stored type', ociManifest),
  image('any', '*/*', '*/*'),
  image('any-application', 'application/*', 'application/*'),
  image('list', 'the stored type in a list', `${dockerManifest}, ${ociIndex},${ociManifest}`),
  image(
    'weights',
    'the stored type with a weight and parameters',
    `text/html, ${ociManifest};q=0.5, */*;q=0.1`,
  ),
  image('lines', 'the stored type in one of several lines', [dockerManifest, ociIndex, ociManifest]),
  image('case', 'the stored type in other case', ociManifest.toUpperCase()),
  {
    id: 'accept.index',
    title: 'an index is served by tag to who accepts indexes',
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { index } = await pushPlatforms(context);
      for (const accept of [ociIndex, `${ociManifest}, ${ociIndex}`, '*/*', undefined]) {
        await expectAnswers(context, 'tag', accept, index);
      }
    },
  },
  {
    id: 'accept.by-digest',
    title: 'a read by digest gives what has the digest, whatever Accept says',
    section: SECTIONS.pullManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { index, amd64 } = await pushPlatforms(context);
      await expectAnswers(context, index.descriptor.digest, ociManifest, index);
      await expectAnswers(context, amd64.descriptor.digest, dockerManifest, amd64);
    },
  },
  {
    id: 'accept.old-client',
    title: 'who cannot read an index gets the image for linux/amd64 by tag, or 404',
    section: SECTIONS.pullManifest,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const { amd64 } = await pushPlatforms(context);
      for (const method of ['HEAD', 'GET']) {
        const answer = await read(context, 'tag', method, ociManifest);
        if (expectStatus(answer, 200, 404).status === 200) expectManifestIs(answer, amd64);
      }
    },
  },
  {
    id: 'accept.unfit',
    title: 'a tag whose type nobody asked for is never converted: what is stored, or 404 or 406',
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const stored = await pushImage(context, { tag: 'tag' });
      const answer = await read(context, 'tag', 'GET', `${dockerManifest}, ${dockerManifestList}`);
      if (expectStatus(answer, 200, 404, 406).status === 200) expectManifestIs(answer, stored);
    },
  },
  {
    id: 'manifest.namespace-parameter',
    title: 'the ns parameter of a pull changes nothing, or is echoed in OCI-Namespace',
    section: SECTIONS.proxying,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      const stored = await pushImage(context, { tag: 'tag' });
      const path = withQuery(manifestPath(repository, 'tag'), { ns: 'source.example' });
      const answer = await http.send('GET', path, { headers: { accept: ociManifest } });
      expectManifestIs(expectStatus(answer, 200), stored);
      const echoed = answer.headers.get('oci-namespace');
      if (echoed !== undefined) expectEqual(answer, 'OCI-Namespace', echoed, 'source.example');
    },
  },
];

type Accept = string | readonly string[] | undefined;

function image(name: string, what: string, accept: Accept): TestCase {
  return {
    id: `accept.${name}`,
    title: `an image is served by tag and digest for ${what}`,
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const stored = await pushImage(context, { tag: 'tag' });
      await expectAnswers(context, 'tag', accept, stored);
      await expectAnswers(context, stored.descriptor.digest, accept, stored);
    },
  };
}

function read(
  { http, repository }: TestContext,
  reference: string,
  method: string,
  accept: Accept,
): Promise<Exchange> {
  return http.send(
    method,
    manifestPath(repository, reference),
    accept === undefined ? {} : { headers: { accept } },
  );
}

async function expectAnswers(
  context: TestContext,
  reference: string,
  accept: Accept,
  stored: Pushable,
): Promise<void> {
  for (const method of ['HEAD', 'GET']) {
    expectManifestIs(expectStatus(await read(context, reference, method, accept), 200), stored);
  }
}

function expectManifestIs(answer: Exchange, stored: Pushable): void {
  const { mediaType, size } = stored.descriptor;
  expectEqual(answer, 'Content-Type', expectHeader(answer, 'content-type'), mediaType);
  expectEqual(answer, 'Content-Length', expectHeader(answer, 'content-length'), String(size));
  if (answer.method === 'GET') expectBody(answer, stored.bytes);
}

async function pushPlatforms(
  context: TestContext,
): Promise<{ readonly index: Pushable; readonly amd64: Pushable }> {
  const arm64 = await pushImage(context, { label: 'arm64' });
  const amd64 = await pushImage(context, { label: 'amd64' });
  const index = makeIndex([onPlatform(arm64.descriptor, 'arm64'), onPlatform(amd64.descriptor, 'amd64')]);
  await pushManifest(context.http, context.repository, index, 'tag');
  return { index, amd64 };
}
