import { digestOf } from '../../oci/index.js';
import { pieces } from '../content.js';
import {
  expectBody,
  expectCode,
  expectEqual,
  expectHeader,
  expectLocation,
  expectStatus,
  skipUnsupported,
} from '../expect.js';
import { skip } from '../outcome.js';
import {
  blobPath,
  closeUpload,
  nextLocation,
  openUpload,
  putWhole,
  sendChunk,
  sendStream,
  uploadsPath,
} from '../push.js';
import { SECTIONS, type TestCase } from '../test-case.js';
import { withQuery } from '../wire.js';
import { expectNoBlob, expectTaken } from './blob-claims.js';
import { expectProgress } from './uploads.js';

/** What an upload session says of itself, and whom it obeys. */
export const sessionTests: readonly TestCase[] = [
  {
    id: 'upload.patch-range',
    title: 'PATCH answers with Range 0-<last byte> and the next Location',
    section: SECTIONS.chunks,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { location } = await openUpload(http, repository);
      const bytes = content.bytes('blob', 2000);
      const first = expectStatus(await sendChunk(http, location, bytes.subarray(0, 1200), 0), 202);
      expectProgress(first, 1200);
      const second = await sendChunk(http, expectLocation(first), bytes.subarray(1200), 1200);
      expectProgress(expectStatus(second, 202), 2000);
      const streamed = await sendStream(http, expectLocation(second), pieces(bytes, 300));
      expectProgress(expectStatus(streamed, 202), 4000);
    },
  },
  {
    id: 'upload.status',
    title: 'GET of an upload answers 204 with Location and Range, before and after a chunk',
    section: SECTIONS.status,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { location } = await openUpload(http, repository);
      const fresh = expectStatus(await http.send('GET', location), 204);
      expectProgress(fresh, 0);
      const patched = await sendChunk(http, expectLocation(fresh), content.bytes('blob', 700), 0);
      const later = await http.send('GET', expectLocation(expectStatus(patched, 202)));
      expectProgress(expectStatus(later, 204), 700);
      expectLocation(later);
    },
  },
  {
    id: 'upload.session-id',
    title: 'the id of a session is in Docker-Upload-UUID, and no two are the same',
    section: SECTIONS.postPut,
    level: 'may',
    profile: 'strict',
    async run({ http, repository }) {
      const one = await openUpload(http, repository);
      const two = await openUpload(http, repository);
      const id = expectHeader(one.opened, 'docker-upload-uuid');
      if (!one.location.includes(id)) one.opened.fail(`expected ${id} in the Location`);
      if (id === expectHeader(two.opened, 'docker-upload-uuid')) two.opened.fail('expected an id of its own');
    },
  },
  {
    id: 'upload.path-is-enough',
    title: 'the path of the Location works without its query',
    section: SECTIONS.postPut,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const { location } = await openUpload(http, repository);
      const bytes = content.bytes('blob', 700);
      const closed = await putWhole(http, location.replace(/\?.*$/, ''), digestOf(bytes), bytes);
      if (location.includes('?') && closed.status >= 400)
        skip(`the query of Location is needed: ${closed.summary}`);
      await expectTaken(context, closed, bytes, 'sha256');
    },
  },
  {
    id: 'upload.no-slash',
    title: 'POST …/blobs/uploads opens a session without the last slash too',
    section: SECTIONS.postPut,
    level: 'may',
    profile: 'strict',
    async run({ http, repository }) {
      expectStatus(await http.send('POST', uploadsPath(repository).slice(0, -1)), 202);
    },
  },
  {
    id: 'upload.unknown',
    title: 'GET, PATCH, PUT and DELETE of an unknown session answer 404',
    section: SECTIONS.status,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const path = `${uploadsPath(repository)}5f2b1c9e-0d57-4c6a-9d6e-2f6f6a1f4b11`;
      const bytes = content.bytes('blob', 100);
      const answers = [
        await http.send('GET', path),
        await sendChunk(http, path, bytes, 0),
        await putWhole(http, path, digestOf(bytes), bytes),
        await http.send('DELETE', path),
      ];
      for (const answer of answers) {
        expectStatus(answer, 404);
        expectCode(answer, 'BLOB_UPLOAD_UNKNOWN', 'NAME_UNKNOWN');
      }
    },
  },
  {
    id: 'upload.other-repository',
    title: 'a session belongs to its repository',
    section: SECTIONS.postPut,
    level: 'should',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { location } = await openUpload(http, `${repository}/owner`);
      const elsewhere = location.replace(`${repository}/owner/`, `${repository}/stranger/`);
      if (elsewhere === location) skip('the Location does not name the repository');
      const answer = await sendStream(http, elsewhere, content.bytes('blob', 100));
      expectStatus(answer, 404, 400);
    },
  },
  {
    id: 'upload.closed',
    title: 'a closed session is gone',
    section: SECTIONS.status,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { location } = await openUpload(http, repository);
      const bytes = content.bytes('blob', 700);
      expectStatus(await putWhole(http, location, digestOf(bytes), bytes), 201);
      expectStatus(await http.send('GET', location), 404);
      expectStatus(await sendChunk(http, location, bytes, 700), 404);
    },
  },
  {
    id: 'upload.no-digest',
    title: 'a closing PUT without a digest, or with a bad one, answers 400',
    section: SECTIONS.postPut,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const bytes = content.bytes('blob', 100);
      const one = await openUpload(http, repository);
      const bare = await http.send('PUT', one.location, { body: bytes });
      expectStatus(bare, 400);
      for (const digest of ['nonsense', 'sha256:abc', `md5:${'0'.repeat(32)}`]) {
        const two = await openUpload(http, repository);
        const answer = expectStatus(await putWhole(http, two.location, digest, bytes), 400);
        expectCode(answer, 'DIGEST_INVALID', 'UNSUPPORTED');
      }
    },
  },
  {
    id: 'upload.repeat',
    title: 'a chunk sent twice, or one that overlaps, answers 416 and changes nothing',
    section: SECTIONS.chunks,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const { location } = await openUpload(http, repository);
      const bytes = content.bytes('blob', 2000);
      let at = expectLocation(expectStatus(await sendChunk(http, location, bytes.subarray(0, 1000), 0), 202));
      expectStatus(await sendChunk(http, at, bytes.subarray(0, 1000), 0), 416);
      expectStatus(await sendChunk(http, at, bytes.subarray(900, 1900), 900), 416);
      const status = expectStatus(await http.send('GET', at), 204);
      expectProgress(status, 1000);
      at = nextLocation(status, at);
      at = nextLocation(expectStatus(await sendChunk(http, at, bytes.subarray(1000), 1000), 202), at);
      await expectTaken(context, await closeUpload(http, at, digestOf(bytes)), bytes, 'sha256');
    },
  },
  {
    id: 'upload.out-of-order-put',
    title: 'a closing PUT with a chunk out of order answers 416 and the session goes on',
    section: SECTIONS.chunks,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const { location } = await openUpload(http, repository);
      const bytes = content.bytes('blob', 2000);
      const at = expectLocation(
        expectStatus(await sendChunk(http, location, bytes.subarray(0, 1000), 0), 202),
      );
      const chunk = bytes.subarray(1000);
      const digest = digestOf(bytes);
      expectStatus(await closeUpload(http, at, digest, { chunk, first: 1500 }), 416);
      const status = expectStatus(await http.send('GET', at), 204);
      expectProgress(status, 1000);
      const closed = await closeUpload(http, expectLocation(status), digest, { chunk, first: 1000 });
      await expectTaken(context, closed, bytes, 'sha256');
    },
  },
  {
    id: 'upload.refusal-says-where',
    title: 'a 416 carries Location and Range to go on from',
    section: SECTIONS.chunks,
    level: 'may',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { location } = await openUpload(http, repository);
      const bytes = content.bytes('blob', 1000);
      const at = expectLocation(expectStatus(await sendChunk(http, location, bytes, 0), 202));
      const refused = expectStatus(await sendChunk(http, at, bytes, 5000), 416);
      expectProgress(refused, 1000);
      expectLocation(refused);
    },
  },
  {
    id: 'upload.malformed-range',
    title: 'a Content-Range that is not <first>-<last>, or is not as long as the chunk, is refused',
    section: SECTIONS.chunks,
    level: 'must',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { location } = await openUpload(http, repository);
      const body = content.bytes('blob', 100);
      for (const range of ['0-', 'a-b', '99-0', '0-49', '0-199']) {
        const headers = { 'content-type': 'application/octet-stream', 'content-range': range };
        expectStatus(await http.send('PATCH', location, { headers, body }), 400, 416);
      }
      expectProgress(expectStatus(await http.send('GET', location), 204), 0);
    },
  },
  {
    id: 'upload.empty-stream',
    title: 'a blob of no bytes by PATCH and PUT, and by PUT alone',
    section: SECTIONS.chunks,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      const bytes = new Uint8Array(0);
      const one = await openUpload(http, repository);
      const patched = expectStatus(await sendStream(http, one.location, pieces(bytes, 1)), 202);
      const closed = await closeUpload(http, nextLocation(patched, one.location), digestOf(bytes));
      await expectTaken(context, closed, bytes, 'sha256');
      const two = await openUpload(http, repository);
      await expectTaken(context, await closeUpload(http, two.location, digestOf(bytes)), bytes, 'sha256');
    },
  },
  {
    id: 'upload.streamed-put',
    title: 'the closing PUT may carry the whole blob without a length',
    section: SECTIONS.postPut,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const { location } = await openUpload(http, repository);
      const bytes = content.bytes('blob', 4000);
      const closed = await putWhole(http, location, digestOf(bytes), pieces(bytes, 900));
      await expectTaken(context, closed, bytes, 'sha256');
    },
  },
  {
    id: 'upload.expect-continue',
    title: 'a client that waits with the body (Expect: 100-continue) is told to send it',
    section: `${SECTIONS.http}, 10.1.1 Expect`,
    level: 'must',
    profile: 'strict',
    isSocket: true,
    async run(context) {
      const { http, content, repository } = context;
      const { location } = await openUpload(http, repository);
      const body = content.bytes('blob', 4000);
      const headers = { 'content-type': 'application/octet-stream', expect: '100-continue' };
      const target = withQuery(location, { digest: digestOf(body) });
      await expectTaken(context, await http.send('PUT', target, { headers, body }), body, 'sha256');
    },
  },
  {
    id: 'upload.not-visible',
    title: 'a blob is not there before its session is closed',
    section: SECTIONS.chunks,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', 700);
      const { location } = await openUpload(http, repository);
      const patched = expectStatus(await sendChunk(http, location, bytes, 0), 202);
      await expectNoBlob(context, digestOf(bytes));
      const closed = await closeUpload(http, nextLocation(patched, location), digestOf(bytes));
      expectStatus(closed, 201);
      expectBody(await http.send('GET', blobPath(repository, digestOf(bytes))), bytes);
    },
  },
  {
    id: 'upload.canceled-unknown-content',
    title: 'a canceled session frees its id only: a second one for the same blob works',
    section: SECTIONS.cancel,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', 700);
      const one = await openUpload(http, repository);
      const two = await openUpload(http, repository);
      const half = expectStatus(await sendChunk(http, one.location, bytes.subarray(0, 300), 0), 202);
      const canceled = await http.send('DELETE', nextLocation(half, one.location));
      skipUnsupported(canceled);
      expectEqual(canceled, 'the status', canceled.status, 204);
      await expectTaken(context, await putWhole(http, two.location, digestOf(bytes), bytes), bytes, 'sha256');
    },
  },
];
