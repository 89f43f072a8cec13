import { digestOf } from '../../oci/index.js';
import { expectBody, expectCode, expectDigest, expectEqual, expectHeader, expectStatus } from '../expect.js';
import { pushImage } from '../images.js';
import { ACCEPT_ALL, blobPath, manifestPath, pushBlob } from '../push.js';
import { SECTIONS, type TestCase } from '../test-case.js';
import { withQuery } from '../wire.js';

/** Reading blobs whole. */
export const blobTests: readonly TestCase[] = [
  {
    id: 'blob.unknown',
    title: 'GET and HEAD of an unknown blob answer 404',
    section: SECTIONS.pullBlob,
    level: 'must',
    async run({ http, content, repository }) {
      const path = blobPath(repository, digestOf(content.bytes('missing', 20)));
      expectStatus(await http.send('GET', path), 404);
      expectStatus(await http.send('HEAD', path), 404);
    },
  },
  {
    id: 'blob.digest-header',
    title: 'GET and HEAD of a blob carry Docker-Content-Digest',
    section: SECTIONS.pullBlob,
    level: 'must',
    profile: 'dev',
    async run({ http, content, repository }) {
      const bytes = content.bytes('blob', 300);
      const { digest } = await pushBlob(http, repository, bytes);
      for (const method of ['GET', 'HEAD']) {
        const answer = expectStatus(await http.send(method, blobPath(repository, digest)), 200);
        expectDigest(answer, bytes, { algorithm: 'sha256', required: true });
      }
    },
  },
  {
    id: 'blob.content-type',
    title: 'a blob is served as application/octet-stream',
    section: SECTIONS.pullBlob,
    level: 'may',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { digest } = await pushBlob(http, repository, content.bytes('blob', 300));
      const answer = expectStatus(await http.send('GET', blobPath(repository, digest)), 200);
      expectEqual(answer, 'Content-Type', expectHeader(answer, 'content-type'), 'application/octet-stream');
    },
  },
  {
    id: 'blob.not-encoded',
    title: 'blobs and manifests are sent as they are to who accepts gzip',
    section: SECTIONS.pullBlob,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      const headers = { 'accept-encoding': 'gzip, deflate, br', accept: ACCEPT_ALL };
      const text = Buffer.alloc(20_000, 'text that packs well\n');
      const { digest } = await pushBlob(http, repository, text);
      const image = await pushImage(context, { tag: 'tag' });
      const blob = await http.send('GET', blobPath(repository, digest), { headers });
      expectBody(expectStatus(blob, 200), text);
      const manifest = await http.send('GET', manifestPath(repository, 'tag'), { headers });
      expectBody(expectStatus(manifest, 200), image.bytes);
    },
  },
  {
    id: 'blob.bad-digest',
    title: 'GET of something that is no digest answers 400 or 404',
    section: SECTIONS.pullBlob,
    level: 'should',
    profile: 'strict',
    async run({ http, repository }) {
      for (const digest of ['sha256:short', `md5:${'a'.repeat(32)}`, `sha256:${'G'.repeat(64)}`]) {
        const answer = expectStatus(await http.send('GET', blobPath(repository, digest)), 400, 404);
        if (answer.status === 400) expectCode(answer, 'DIGEST_INVALID');
      }
    },
  },
  {
    id: 'blob.isolation',
    title: 'a blob is readable only through a repository that has it',
    section: SECTIONS.pullBlob,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { digest } = await pushBlob(http, `${repository}/owner`, content.bytes('blob', 300));
      await pushBlob(http, `${repository}/stranger`, content.bytes('other', 300));
      expectStatus(await http.send('HEAD', blobPath(`${repository}/owner`, digest)), 200);
      expectStatus(await http.send('HEAD', blobPath(`${repository}/stranger`, digest)), 404);
      expectStatus(await http.send('GET', blobPath(`${repository}/stranger`, digest)), 404);
    },
  },
  {
    id: 'blob.pushed-twice',
    title: 'the same blob can be pushed again',
    section: SECTIONS.deduplication,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const bytes = content.bytes('blob', 300);
      await pushBlob(http, repository, bytes);
      const { digest } = await pushBlob(http, repository, bytes);
      expectBody(expectStatus(await http.send('GET', blobPath(repository, digest)), 200), bytes);
    },
  },
  {
    id: 'blob.namespace-parameter',
    title: 'the ns parameter of a pull changes nothing, or is echoed in OCI-Namespace',
    section: SECTIONS.proxying,
    level: 'may',
    profile: 'strict',
    async run({ http, content, repository }) {
      const bytes = content.bytes('blob', 300);
      const { digest } = await pushBlob(http, repository, bytes);
      const path = withQuery(blobPath(repository, digest), { ns: 'source.example' });
      const answer = expectStatus(await http.send('GET', path), 200);
      expectBody(answer, bytes);
      const echoed = answer.headers.get('oci-namespace');
      if (echoed !== undefined) expectEqual(answer, 'OCI-Namespace', echoed, 'source.example');
    },
  },
];
