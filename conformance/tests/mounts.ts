import { digestOf, type DigestAlgorithm } from '../../oci/index.js';
import { expectLocation, expectStatus } from '../expect.js';
import { skip } from '../outcome.js';
import { pushBlob, putWhole, uploadsPath } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { withQuery } from '../wire.js';
import { expectTaken } from './blob-claims.js';

/** Blobs taken over from another repository, with digests of one algorithm. */
export function mountTests(algorithm: DigestAlgorithm): readonly TestCase[] {
  const id = (name: string): string => (algorithm === 'sha256' ? name : `${algorithm}.${name}`);
  const title = (text: string): string => (algorithm === 'sha256' ? text : `${text} (${algorithm})`);
  return [
    {
      id: id('blob.mount'),
      title: title('a mount with from= answers 201, and the blob is there'),
      section: SECTIONS.mount,
      level: 'must',
      run: (context) => mount(context, algorithm, { from: `${context.repository}/source` }),
    },
    {
      id: id('blob.mount.anonymous'),
      title: title('a mount without from= answers 201 when the blob can be found'),
      section: SECTIONS.mount,
      level: 'may',
      run: (context) => mount(context, algorithm, {}),
    },
    {
      id: id('blob.mount.missing'),
      title: title('a mount of a blob that is not there opens an upload (202)'),
      section: SECTIONS.mount,
      level: 'must',
      async run(context) {
        const { http, content, repository } = context;
        const bytes = content.bytes('blob', 800);
        const query = { mount: digestOf(bytes, algorithm), from: `${repository}/source` };
        const posted = expectStatus(await http.send('POST', withQuery(uploadsPath(repository), query)), 202);
        const closed = await putWhole(http, expectLocation(posted), query.mount, bytes);
        await expectTaken(context, closed, bytes, algorithm);
      },
    },
  ];
}

/** Tests of mounts that need no second algorithm. */
export const mountEdgeTests: readonly TestCase[] = [
  {
    id: 'blob.mount.other-repository',
    title: 'a mount from a repository that does not have the blob opens an upload (202)',
    section: SECTIONS.mount,
    level: 'should',
    profile: 'strict',
    async run({ http, content, repository }) {
      await pushBlob(http, `${repository}/source`, content.bytes('other', 100));
      const query = { mount: digestOf(content.bytes('blob', 800)), from: `${repository}/source` };
      const posted = await http.send('POST', withQuery(uploadsPath(repository), query));
      expectLocation(expectStatus(posted, 202));
    },
  },
  {
    id: 'blob.mount.bad-digest',
    title: 'a mount of something that is no digest answers 202 or 400',
    section: SECTIONS.mount,
    level: 'should',
    profile: 'strict',
    async run({ http, repository }) {
      const query = { mount: 'sha256:nonsense', from: `${repository}/source` };
      expectStatus(await http.send('POST', withQuery(uploadsPath(repository), query)), 202, 400);
    },
  },
  {
    id: 'blob.mount.same-repository',
    title: 'a mount of a blob that the repository has already answers 201',
    section: SECTIONS.mount,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', 800);
      const { digest } = await pushBlob(http, repository, bytes);
      const path = withQuery(uploadsPath(repository), { mount: digest, from: repository });
      await expectTaken(context, await http.send('POST', path), bytes, 'sha256');
    },
  },
];

async function mount(
  context: TestContext,
  algorithm: DigestAlgorithm,
  from: Readonly<Record<string, string>>,
): Promise<void> {
  const { http, content, repository } = context;
  const bytes = content.bytes('blob', 800);
  const { digest } = await pushBlob(http, `${repository}/source`, bytes, { algorithm });
  const path = withQuery(uploadsPath(repository), { mount: digest, ...from });
  const posted = expectStatus(await http.send('POST', path), 201, 202);
  if (posted.status === 201) return expectTaken(context, posted, bytes, algorithm);
  // The session that was opened instead must work.
  const closed = await putWhole(http, expectLocation(posted), digest, bytes);
  await expectTaken(context, closed, bytes, algorithm);
  skip(`not supported: ${posted.summary} and opened an upload`);
}
