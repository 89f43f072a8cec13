import { expectBody, expectEqual, expectHeader, expectStatus } from '../expect.js';
import { makeImage, pushImage } from '../images.js';
import { skip } from '../outcome.js';
import { ACCEPT_ALL, blobPath, manifestPath, pushBlob, sendManifest } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectManifest, expectNoManifest } from './manifest-claims.js';

const NONE_MATCH = `${SECTIONS.http}, 13.1.2 If-None-Match`;
const MATCH = `${SECTIONS.http}, 13.1.1 If-Match`;

/** Conditional requests. */
export const conditionTests: readonly TestCase[] = [
  strict('blob.not-modified', 'a blob the client has answers 304', NONE_MATCH, async (context) => {
    const { http, content, repository } = context;
    const bytes = content.bytes('blob', 300);
    const path = blobPath(repository, (await pushBlob(http, repository, bytes)).digest);
    await expectNotModified(context, path, bytes);
  }),
  strict(
    'manifest.not-modified',
    'a manifest the client has answers 304, by tag and by digest',
    NONE_MATCH,
    async (context) => {
      const stored = await pushImage(context, { tag: 'tag' });
      for (const reference of ['tag', stored.descriptor.digest]) {
        await expectNotModified(context, manifestPath(context.repository, reference), stored.bytes);
      }
    },
  ),
  strict(
    'manifest.etag-moves',
    'the ETag of a tag changes with the manifest',
    NONE_MATCH,
    async (context) => {
      const path = manifestPath(context.repository, 'tag');
      await pushImage(context, { label: 'one', tag: 'tag' });
      const before = await etagOf(context, path);
      const after = await pushImage(context, { label: 'two', tag: 'tag' });
      const headers = { accept: ACCEPT_ALL, 'if-none-match': before };
      const answer = expectStatus(await context.http.send('GET', path, { headers }), 200);
      expectBody(answer, after.bytes);
      if ((await etagOf(context, path)) === before) answer.fail('expected another ETag');
    },
  ),
  strict(
    'tag.create-only',
    'If-None-Match: * creates a tag (201) and never moves one (412)',
    NONE_MATCH,
    async (context) => {
      const one = await makeImage(context, { label: 'one' });
      const two = await makeImage(context, { label: 'two' });
      const only = { 'if-none-match': '*' };
      const { http, repository } = context;
      expectStatus(await sendManifest(http, repository, one, 'tag', only), 201);
      const refused = await sendManifest(http, repository, two, 'tag', only);
      if (refused.status === 201) skip('conditions of a tag push are ignored');
      expectStatus(refused, 412);
      await expectManifest(context, 'tag', one);
    },
  ),
  strict(
    'tag.move-from',
    'If-Match moves a tag that stands where it says (201), and no other (412)',
    MATCH,
    async (context) => {
      const { http, repository } = context;
      const one = await pushImage(context, { label: 'one', tag: 'tag' });
      const two = await makeImage(context, { label: 'two' });
      const three = await makeImage(context, { label: 'three' });
      const first = await etagOf(context, manifestPath(repository, 'tag'));
      const stale = await sendManifest(http, repository, two, 'tag', { 'if-match': '"sha256:another"' });
      if (stale.status === 201) skip('conditions of a tag push are ignored');
      expectStatus(stale, 412);
      await expectManifest(context, 'tag', one);
      expectStatus(await sendManifest(http, repository, two, 'tag', { 'if-match': first }), 201);
      await expectManifest(context, 'tag', two);
      expectStatus(await sendManifest(http, repository, three, 'tag', { 'if-match': first }), 412);
      await expectManifest(context, 'tag', two);
    },
  ),
  strict('tag.move-absent', 'If-Match on a tag that is not there answers 412', MATCH, async (context) => {
    const { http, repository } = context;
    const image = await makeImage(context);
    for (const condition of [`"${image.descriptor.digest}"`, '*']) {
      const answer = await sendManifest(http, repository, image, 'tag', { 'if-match': condition });
      if (answer.status === 201) skip('conditions of a tag push are ignored');
      expectStatus(answer, 412);
      await expectNoManifest(context, 'tag');
    }
  }),
];

function strict(name: string, title: string, section: string, run: TestCase['run']): TestCase {
  return { id: `condition.${name}`, title, section, level: 'should', profile: 'strict', run };
}

async function etagOf({ http }: TestContext, path: string): Promise<string> {
  const answer = expectStatus(await http.send('HEAD', path, { headers: { accept: ACCEPT_ALL } }), 200);
  const etag = expectHeader(answer, 'etag');
  if (!/^"[^"]+"$/.test(etag)) answer.fail('expected a strong ETag, in quotes');
  return etag;
}

async function expectNotModified(context: TestContext, path: string, bytes: Uint8Array): Promise<void> {
  const { http } = context;
  const etag = await etagOf(context, path);
  for (const condition of [etag, `W/${etag}`, `"another", ${etag}`, '*']) {
    const headers = { accept: ACCEPT_ALL, 'if-none-match': condition };
    for (const method of ['GET', 'HEAD']) {
      const answer = expectStatus(await http.send(method, path, { headers }), 304);
      expectEqual(answer, 'ETag', expectHeader(answer, 'etag'), etag);
      expectEqual(answer, 'the length of the body', answer.body.byteLength, 0);
    }
  }
  const headers = { accept: ACCEPT_ALL, 'if-none-match': '"another"' };
  expectBody(expectStatus(await http.send('GET', path, { headers }), 200), bytes);
}
