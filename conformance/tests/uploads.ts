import { digestOf, type DigestAlgorithm } from '../../oci/index.js';
import { pieces } from '../content.js';
import { expectEqual, expectHeader, expectLocation, expectStatus, skipUnsupported } from '../expect.js';
import { skip } from '../outcome.js';
import {
  closeUpload,
  nextLocation,
  openUpload,
  putWhole,
  sendChunk,
  sendStream,
  uploadsPath,
} from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { withQuery } from '../wire.js';
import { expectNoBlob, expectTaken } from './blob-claims.js';

const OCTETS = { 'content-type': 'application/octet-stream' } as const;
const CHUNK = 1024;
const MAX_CHUNK = 64 * 1024 * 1024;

/** How three chunks are sent. */
interface ChunkPlan {
  /** The closing PUT carries the last chunk. */
  readonly lastInPut: boolean;
  /** Before each good chunk one is sent that does not belong there. */
  readonly disorder: boolean;
}

/** Every way to push a blob, with digests of one algorithm. */
export function uploadTests(algorithm: DigestAlgorithm): readonly TestCase[] {
  const id = (name: string): string => (algorithm === 'sha256' ? name : `${algorithm}.${name}`);
  const title = (text: string): string => (algorithm === 'sha256' ? text : `${text} (${algorithm})`);
  const chunked = (name: string, text: string, plan: ChunkPlan): TestCase => ({
    id: id(name),
    title: title(text),
    section: SECTIONS.chunks,
    level: 'must',
    run: (context) => pushThree(context, algorithm, plan),
  });
  return [
    {
      id: id('blob.post'),
      title: title('a POST with ?digest= and the whole blob pushes it'),
      section: SECTIONS.singlePost,
      level: 'may',
      run: (context) => postOnly(context, algorithm, context.content.bytes('blob', 2000)),
    },
    {
      id: id('blob.post-put'),
      title: title('POST, then PUT with the whole blob'),
      section: SECTIONS.postPut,
      level: 'must',
      run: (context) => postPut(context, algorithm, context.content.bytes('blob', 2000)),
    },
    {
      id: id('blob.chunked.single'),
      title: title('one chunk by PATCH, closed by an empty PUT'),
      section: SECTIONS.chunks,
      level: 'must',
      async run(context) {
        const { http, content, repository } = context;
        const { location } = await openUpload(http, repository);
        const bytes = content.bytes('blob', 2000);
        const patched = expectStatus(await sendChunk(http, location, bytes, 0), 202);
        const closed = await closeUpload(http, expectLocation(patched), digestOf(bytes, algorithm));
        await expectTaken(context, closed, bytes, algorithm);
      },
    },
    chunked('blob.chunked.three', 'three chunks by PATCH, closed by an empty PUT', {
      lastInPut: false,
      disorder: false,
    }),
    chunked('blob.chunked.last-in-put', 'three chunks, the last one in the closing PUT', {
      lastInPut: true,
      disorder: false,
    }),
    chunked('blob.chunked.out-of-order', 'a chunk out of order answers 416 and the session goes on', {
      lastInPut: false,
      disorder: true,
    }),
    chunked(
      'blob.chunked.out-of-order-last-in-put',
      'a chunk out of order answers 416, and the last chunk goes in the PUT',
      { lastInPut: true, disorder: true },
    ),
    {
      id: id('blob.stream'),
      title: title('one PATCH without range or length, closed by an empty PUT'),
      section: SECTIONS.chunks,
      level: 'must',
      async run(context) {
        const { http, content, repository } = context;
        const { location } = await openUpload(http, repository);
        const bytes = content.bytes('blob', 5000);
        const patched = expectStatus(await sendStream(http, location, pieces(bytes, 1700)), 202);
        const closed = await closeUpload(http, expectLocation(patched), digestOf(bytes, algorithm));
        await expectTaken(context, closed, bytes, algorithm);
      },
    },
    {
      id: id('blob.empty'),
      title: title('a blob of no bytes'),
      section: SECTIONS.postPut,
      level: 'must',
      run: (context) => postPut(context, algorithm, new Uint8Array(0)),
    },
    {
      id: id('blob.empty-json'),
      title: title('the blob {}'),
      section: SECTIONS.postPut,
      level: 'must',
      run: (context) => postPut(context, algorithm, Buffer.from('{}')),
    },
    {
      id: id('blob.cancel'),
      title: title('DELETE of an upload answers 204, and the session is gone'),
      section: SECTIONS.cancel,
      level: 'should',
      profile: 'dev',
      run: (context) => cancel(context, algorithm),
    },
    ...wrongDigests(algorithm, id, title),
  ];
}

async function postOnly(context: TestContext, algorithm: DigestAlgorithm, bytes: Uint8Array): Promise<void> {
  const { http, repository } = context;
  const digest = digestOf(bytes, algorithm);
  const posted = await http.send('POST', withQuery(uploadsPath(repository), { digest }), {
    headers: OCTETS,
    body: bytes,
  });
  if (expectStatus(posted, 201, 202).status === 201) return expectTaken(context, posted, bytes, algorithm);
  const closed = await putWhole(http, expectLocation(posted), digest, bytes);
  await expectTaken(context, closed, bytes, algorithm);
  skip(`not supported: ${posted.summary} and opened an upload`);
}

async function postPut(context: TestContext, algorithm: DigestAlgorithm, bytes: Uint8Array): Promise<void> {
  const { location } = await openUpload(context.http, context.repository);
  const closed = await putWhole(context.http, location, digestOf(bytes, algorithm), bytes);
  await expectTaken(context, closed, bytes, algorithm);
}

async function pushThree(context: TestContext, algorithm: DigestAlgorithm, plan: ChunkPlan): Promise<void> {
  const { http, content, repository } = context;
  const { location, minimum } = await openUpload(http, repository);
  if (minimum > MAX_CHUNK) skip(`OCI-Chunk-Min-Length ${minimum} is more than this test sends`);
  const size = Math.max(CHUNK, minimum);
  const bytes = content.bytes('blob', 2 * size + 500);
  let at = location;
  for (const first of [0, size, 2 * size]) {
    const chunk = bytes.subarray(first, first + size);
    if (plan.disorder) at = await refuseDisorder(context, at, chunk, first);
    if (plan.lastInPut && first === 2 * size) {
      const closed = await closeUpload(http, at, digestOf(bytes, algorithm), { chunk, first });
      return expectTaken(context, closed, bytes, algorithm);
    }
    at = expectLocation(expectStatus(await sendChunk(http, at, chunk, first), 202));
  }
  const closed = await closeUpload(http, at, digestOf(bytes, algorithm));
  await expectTaken(context, closed, bytes, algorithm);
}

/** Sends the right bytes for a place further on, then asks where the session stands. */
async function refuseDisorder(
  { http }: TestContext,
  location: string,
  chunk: Uint8Array,
  size: number,
): Promise<string> {
  expectStatus(await sendChunk(http, location, chunk, size + chunk.byteLength), 416);
  const status = expectStatus(await http.send('GET', location), 204);
  expectProgress(status, size);
  return expectLocation(status);
}

/** The `Range` of a session that holds `size` bytes. None yet has no exact spelling. */
export function expectProgress(exchange: Parameters<typeof expectHeader>[0], size: number): void {
  if (size === 0) {
    const range = exchange.headers.get('range') ?? '0-0';
    if (!['0-0', '0--1'].includes(range)) exchange.fail(`expected a Range of 0-0 or none, got ${range}`);
    return;
  }
  expectEqual(exchange, 'Range', expectHeader(exchange, 'range'), `0-${size - 1}`);
}

async function cancel(context: TestContext, algorithm: DigestAlgorithm): Promise<void> {
  const { http, content, repository } = context;
  const { location } = await openUpload(http, repository);
  const bytes = content.bytes('blob', 900);
  const patched = expectStatus(await sendStream(http, location, bytes), 202);
  const at = nextLocation(patched, location);
  const canceled = await http.send('DELETE', at);
  skipUnsupported(canceled);
  expectStatus(canceled, 204);
  expectStatus(await http.send('GET', at), 404);
  expectStatus(await closeUpload(http, at, digestOf(bytes, algorithm)), 404);
  await expectNoBlob(context, digestOf(bytes, algorithm));
}

/** Content that is not what its digest says is refused, and not there afterwards. */
function wrongDigests(
  algorithm: DigestAlgorithm,
  id: (name: string) => string,
  title: (text: string) => string,
): readonly TestCase[] {
  const wrong = (
    name: string,
    text: string,
    section: string,
    push: (context: TestContext, bytes: Uint8Array, digest: string) => Promise<void>,
  ): TestCase => ({
    id: id(`blob.wrong-digest.${name}`),
    title: title(`${text} with a digest that is not the blob's is refused`),
    section,
    level: 'must',
    async run(context) {
      const digest = digestOf(context.content.bytes('other', 10), algorithm);
      await push(context, context.content.bytes('blob', 2000), digest);
      await expectNoBlob(context, digest);
    },
  });
  return [
    wrong('post', 'a single POST', SECTIONS.singlePost, async ({ http, repository }, body, digest) => {
      const path = withQuery(uploadsPath(repository), { digest });
      expectStatus(await http.send('POST', path, { headers: OCTETS, body }), 400, 202);
    }),
    wrong('put', 'POST and PUT', SECTIONS.postPut, async ({ http, repository }, bytes, digest) => {
      const { location } = await openUpload(http, repository);
      expectStatus(await putWhole(http, location, digest, bytes), 400);
    }),
    wrong('chunked', 'a chunked push', SECTIONS.chunks, async ({ http, repository }, bytes, digest) => {
      const { location } = await openUpload(http, repository);
      const patched = expectStatus(await sendChunk(http, location, bytes, 0), 202);
      expectStatus(await closeUpload(http, nextLocation(patched, location), digest), 400);
    }),
    wrong('stream', 'a streamed push', SECTIONS.chunks, async ({ http, repository }, bytes, digest) => {
      const { location } = await openUpload(http, repository);
      const patched = expectStatus(await sendStream(http, location, pieces(bytes, 700)), 202);
      expectStatus(await closeUpload(http, nextLocation(patched, location), digest), 400);
    }),
  ];
}
