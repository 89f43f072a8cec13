import { digestOf } from '../../oci/index.js';
import { expectCode, expectEqual, expectJson, expectStatus, skipUnsupported } from '../expect.js';
import { makeIndex, pushImage } from '../images.js';
import { skip } from '../outcome.js';
import { blobPath, getManifest, manifestPath, pushBlob, pushManifest, tagsPath } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectManifest, expectNoManifest } from './manifest-claims.js';

/** Deletes, which are seen at once. A registry may have none. */
export const deleteTests: readonly TestCase[] = [
  {
    id: 'delete.tag',
    title: 'DELETE of a tag answers 202, and the tag is gone',
    section: SECTIONS.deleteTag,
    level: 'must',
    async run(context) {
      await pushImage(context, { tag: 'doomed' });
      await deleteManifest(context, 'doomed');
      await expectNoManifest(context, 'doomed');
    },
  },
  {
    id: 'delete.manifest',
    title: 'DELETE of a manifest answers 202, and it is gone',
    section: SECTIONS.deleteManifest,
    level: 'must',
    async run(context) {
      const { descriptor } = await pushImage(context);
      await deleteManifest(context, descriptor.digest);
      await expectNoManifest(context, descriptor.digest);
    },
  },
  {
    id: 'delete.blob',
    title: 'DELETE of a blob answers 202, and it is gone',
    section: SECTIONS.deleteBlob,
    level: 'must',
    async run({ http, content, repository }) {
      const { digest } = await pushBlob(http, repository, content.bytes('blob', 300));
      const path = blobPath(repository, digest);
      const deleted = await http.send('DELETE', path);
      if (deleted.status === 400) skip(`not supported: ${deleted.summary}`);
      skipUnsupported(deleted);
      expectStatus(deleted, 202);
      expectStatus(await http.send('HEAD', path), 404);
      expectStatus(await http.send('GET', path), 404);
    },
  },
  strict(
    'tag-only',
    'with a tag nothing else goes: not the manifest, not another tag',
    SECTIONS.deleteTag,
    async (context) => {
      const image = await pushImage(context, { tag: 'doomed' });
      await pushManifest(context.http, context.repository, image, 'twin');
      await deleteManifest(context, 'doomed');
      await expectManifest(context, 'twin', image);
      await expectManifest(context, image.descriptor.digest, image);
      await expectTags(context, ['twin']);
    },
  ),
  strict(
    'manifest-with-tags',
    'with a manifest every tag of it goes, from reads and from the list',
    SECTIONS.deleteManifest,
    async (context) => {
      const image = await pushImage(context, { tag: 'doomed' });
      await pushManifest(context.http, context.repository, image, 'twin');
      const other = await pushImage(context, { label: 'other', tag: 'other' });
      await deleteManifest(context, image.descriptor.digest);
      await expectNoManifest(context, 'doomed');
      await expectNoManifest(context, 'twin');
      await expectManifest(context, 'other', other);
      await expectTags(context, ['other']);
    },
  ),
  strict('unknown', 'DELETE of what is not there answers 404', SECTIONS.deleteManifest, async (context) => {
    const { http, content, repository } = context;
    const image = await pushImage(context, { tag: 'known' });
    const digest = digestOf(content.bytes('missing', 10));
    for (const reference of [digest, 'unknown']) {
      const answer = await http.send('DELETE', manifestPath(repository, reference));
      skipUnsupported(answer);
      expectCode(expectStatus(answer, 404), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN');
    }
    const answer = await http.send('DELETE', blobPath(repository, digest));
    expectCode(expectStatus(answer, 404), 'BLOB_UNKNOWN', 'NAME_UNKNOWN');
    await expectManifest(context, 'known', image);
  }),
  strict(
    'unknown-repository',
    'DELETE in an unknown repository answers 404',
    SECTIONS.deleteManifest,
    async ({ http, content, repository }) => {
      const digest = digestOf(content.bytes('missing', 10));
      expectStatus(await http.send('DELETE', manifestPath(repository, digest)), 404);
      expectStatus(await http.send('DELETE', blobPath(repository, digest)), 404);
    },
  ),
  strict('pushed-again', 'what was deleted can be pushed again', SECTIONS.deleteManifest, async (context) => {
    const { http, repository } = context;
    const image = await pushImage(context, { tag: 'back' });
    await deleteManifest(context, image.descriptor.digest);
    await pushManifest(http, repository, image, 'back');
    await expectManifest(context, 'back', image);
    const bytes = context.content.bytes('blob', 100);
    const { digest } = await pushBlob(http, repository, bytes);
    expectStatus(await http.send('DELETE', blobPath(repository, digest)), 202);
    await pushBlob(http, repository, bytes);
    expectStatus(await http.send('HEAD', blobPath(repository, digest)), 200);
  }),
  strict('other-repository', 'a delete touches one repository only', SECTIONS.deleteBlob, async (context) => {
    const { http, content, repository } = context;
    const bytes = content.bytes('blob', 100);
    const { digest } = await pushBlob(http, repository, bytes);
    await pushBlob(http, `${repository}/other`, bytes);
    const deleted = await http.send('DELETE', blobPath(repository, digest));
    skipUnsupported(deleted);
    expectStatus(deleted, 202);
    expectStatus(await http.send('GET', blobPath(`${repository}/other`, digest)), 200);
  }),
  strict(
    'nested-index',
    'the tag of an index inside another index may go; the outer one stays whole',
    SECTIONS.deleteTag,
    async (context) => {
      const { http, repository } = context;
      const image = await pushImage(context);
      const inner = makeIndex([image.descriptor]);
      await pushManifest(http, repository, inner, 'inner');
      const outer = makeIndex([inner.descriptor]);
      await pushManifest(http, repository, outer, 'outer');
      await deleteManifest(context, 'inner');
      for (const manifest of [outer, inner, image]) {
        const answer = await getManifest(http, repository, manifest.descriptor.digest);
        expectStatus(answer, 200);
      }
    },
  ),
];

function strict(name: string, title: string, section: string, run: TestCase['run']): TestCase {
  return { id: `delete.${name}`, title, section, level: 'should', profile: 'strict', run };
}

async function deleteManifest({ http, repository }: TestContext, reference: string): Promise<void> {
  const deleted = await http.send('DELETE', manifestPath(repository, reference));
  if (deleted.status === 400) skip(`not supported: ${deleted.summary}`);
  skipUnsupported(deleted);
  expectStatus(deleted, 202);
}

async function expectTags({ http, repository }: TestContext, expected: readonly string[]): Promise<void> {
  const answer = expectStatus(await http.send('GET', tagsPath(repository)), 200);
  expectEqual(answer, 'tags', expectJson(answer).tags, expected);
}
