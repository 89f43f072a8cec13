import { digestOf } from '../../oci/index.js';
import { expectStatus } from '../expect.js';
import { Failure } from '../outcome.js';
import {
  closeUpload,
  nextLocation,
  openUpload,
  putWhole,
  sendChunk,
  sendStream,
  type Upload,
} from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectNoBlob, expectTaken } from './blob-claims.js';

const SIZE = 300_000;
const PIECE = 10_000;
const ATTEMPTS = 20;

/** Uploads whose connection breaks. */
export const resumeTests: readonly TestCase[] = [
  {
    id: 'upload.cut.stream',
    title: 'a PATCH that breaks off leaves a session that goes on from what it says it has',
    section: SECTIONS.status,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', SIZE);
      const upload = await openUpload(http, repository);
      await expectBroken(sendStream(http, upload.location, cutAfter(bytes, SIZE / 2)));
      const at = await sendRest(context, upload, bytes);
      await expectTaken(context, await closeUpload(http, at, digestOf(bytes)), bytes, 'sha256');
    },
  },
  {
    id: 'upload.cut.put',
    title: 'a closing PUT that breaks off publishes nothing',
    section: SECTIONS.postPut,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', SIZE);
      const half = bytes.subarray(0, SIZE / 2);
      // What has arrived has the right digest: only the end is missing.
      const { location } = await openUpload(http, repository);
      await expectBroken(putWhole(http, location, digestOf(half), cutAfter(bytes, SIZE / 2)));
      await expectNoBlob(context, digestOf(half));
      const again = await openUpload(http, repository);
      const closed = await putWhole(http, again.location, digestOf(bytes), bytes);
      await expectTaken(context, closed, bytes, 'sha256');
    },
  },
];

/** The first `size` bytes, then an error: the connection breaks. */
function cutAfter(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < size; at += PIECE) yield bytes.subarray(at, Math.min(at + PIECE, size));
      throw new Error('the test breaks the connection');
    },
  };
}

/** No success can come of a request that broke off; with no socket between, an error may be answered. */
async function expectBroken(request: ReturnType<typeof sendStream>): Promise<void> {
  try {
    const answer = await request;
    if (answer.status < 400) answer.fail('expected no success for a body that broke off');
  } catch (error) {
    if (!(error instanceof Failure) || error.cause === undefined) throw error;
  }
}

/**
 * Asks where the session stands and sends the rest. The registry may still be busy with the broken request and take
 * more of it after it answered, so a refusal is no failure until it stays one.
 */
async function sendRest({ http }: TestContext, upload: Upload, bytes: Uint8Array): Promise<string> {
  let { location } = upload;
  for (let attempt = 1; ; attempt++) {
    const status = expectStatus(await http.send('GET', location), 204);
    const last = /^0-(\d+)$/.exec(status.headers.get('range') ?? '')?.[1];
    const size = last === undefined || last === '0' ? 0 : Number(last) + 1;
    if (size > SIZE / 2) status.fail(`expected at most ${SIZE / 2} bytes`);
    const sent = await sendChunk(http, nextLocation(status, location), bytes.subarray(size), size);
    if (sent.status === 202 || attempt === ATTEMPTS) return nextLocation(expectStatus(sent, 202), location);
    location = nextLocation(status, location);
  }
}
