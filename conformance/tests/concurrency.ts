import { digestOf } from '../../oci/index.js';
import { pieces, type Pushable } from '../content.js';
import { expectBody, expectEqual, expectLocation, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { makeImage } from '../images.js';
import { skip } from '../outcome.js';
import {
  blobPath,
  closeUpload,
  getManifest,
  nextLocation,
  openUpload,
  putWhole,
  sendManifest,
  sendStream,
} from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectBlob } from './blob-claims.js';
import { Lockstep } from './lockstep.js';
import { expectManifest } from './manifest-claims.js';

const PIECE = 512;
const SIZE = 16 * PIECE;
const CONFLICT = [400, 404, 409, 416, 423, 429] as const;
const CLIENTS = 8;

/** Several clients at once. */
export const concurrencyTests: readonly TestCase[] = [
  strict(
    'same-digest',
    'two sessions push the same blob at once: both succeed',
    SECTIONS.deduplication,
    async (context) => {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', SIZE);
      const sessions = [await openUpload(http, repository), await openUpload(http, repository)] as const;
      const patched = await inLockstep(bytes, (body, side) =>
        sendStream(http, sessions[side].location, body),
      );
      const locations = patched.map((answer) => expectLocation(expectStatus(answer, 202)));
      const closing = locations.map((location) => closeUpload(http, location, digestOf(bytes)));
      for (const closed of await Promise.all(closing)) expectStatus(closed, 201);
      await expectBlob(context, repository, bytes, 'sha256');
    },
  ),
  strict(
    'many-pushes',
    `${CLIENTS} clients push the same blob to as many repositories at once`,
    SECTIONS.deduplication,
    async (context) => {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', 20_000);
      const targets = Array.from({ length: CLIENTS }, (_, i) => `${repository}/${i}`);
      await Promise.all(
        targets.map(async (target) => {
          const { location } = await openUpload(http, target);
          expectStatus(await putWhole(http, location, digestOf(bytes), pieces(bytes, 4000)), 201);
          await expectBlob(context, target, bytes, 'sha256');
        }),
      );
    },
  ),
  strict(
    'one-session.chunks',
    'two chunks for one place of a session at once: one is taken, none is mixed in',
    SECTIONS.chunks,
    async (context) => {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', SIZE);
      const { location } = await openUpload(http, repository);
      const headers = {
        'content-type': 'application/octet-stream',
        'content-range': `0-${SIZE - 1}`,
        'content-length': String(SIZE),
      };
      const answers = await inLockstep(bytes, (body) => http.send('PATCH', location, { headers, body }));
      const taken = expectTaken(answers, 1);
      await expectWhole(context, nextLocation(taken, location), bytes, [bytes]);
    },
  ),
  strict(
    'one-session.streams',
    'two streams to one session at once: one after the other, or one is refused',
    SECTIONS.chunks,
    async (context) => {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', SIZE);
      const { location } = await openUpload(http, repository);
      const answers = await inLockstep(bytes, (body) => sendStream(http, location, body));
      const taken = expectTaken(answers, 2);
      // The same bytes twice: whichever came first, the blob is one of these.
      await expectWhole(context, nextLocation(taken, location), bytes, [
        bytes,
        Buffer.concat([bytes, bytes]),
      ]);
    },
  ),
  strict(
    'one-session.closing',
    'two requests close one session at once: the blob is whole',
    SECTIONS.postPut,
    async (context) => {
      const { http, content, repository } = context;
      const bytes = content.bytes('blob', SIZE);
      const { location } = await openUpload(http, repository);
      const answers = await inLockstep(bytes, (body) => putWhole(http, location, digestOf(bytes), body));
      for (const answer of answers) expectStatus(answer, 201, ...CONFLICT);
      if (!answers.some((answer) => answer.status === 201))
        answers[0].fail('expected one of the two to be taken');
      await expectBlob(context, repository, bytes, 'sha256');
    },
  ),
  strict(
    'tag-moves',
    `${CLIENTS} clients move one tag at once: it stands at one of the manifests`,
    SECTIONS.pushManifest,
    async (context) => {
      const { http, repository } = context;
      const images = await makeImages(context);
      const answers = await Promise.all(images.map((image) => sendManifest(http, repository, image, 'tag')));
      for (const answer of answers) expectStatus(answer, 201);
      const read = expectStatus(await getManifest(http, repository, 'tag'), 200);
      const digest = digestOf(read.body);
      expectEqual(read, 'being one of the manifests', images.some(isNamed(digest)), true);
      for (const image of images.filter(isNamed(digest))) await expectManifest(context, 'tag', image);
      for (const image of images) await expectManifest(context, image.descriptor.digest, image);
    },
  ),
  strict(
    'tag-created-once',
    `${CLIENTS} clients create one tag with If-None-Match: * at once: one does`,
    `${SECTIONS.http}, 13.1.2 If-None-Match`,
    async (context) => {
      const { http, repository } = context;
      const images = await makeImages(context);
      const headers = { 'if-none-match': '*' };
      const answers = await Promise.all(
        images.map((image) => sendManifest(http, repository, image, 'tag', headers)),
      );
      const winners = images.filter((_, i) => answers[i]?.status === 201);
      if (winners.length === CLIENTS) await skipUnconditional(context, images);
      for (const answer of answers) expectStatus(answer, 201, 412);
      const read = await getManifest(http, repository, 'tag');
      expectEqual(read, 'the number of clients that got 201', winners.length, 1);
      for (const winner of winners) await expectManifest(context, 'tag', winner);
    },
  ),
];

function strict(name: string, title: string, section: string, run: TestCase['run']): TestCase {
  return { id: `concurrent.${name}`, title, section, level: 'must', profile: 'strict', run };
}

/** Whoever ignores the condition when nothing else goes on does not offer it. */
async function skipUnconditional(
  { http, repository }: TestContext,
  images: readonly Pushable[],
): Promise<void> {
  const [image] = images;
  if (image === undefined) return;
  const again = await sendManifest(http, repository, image, 'tag', { 'if-none-match': '*' });
  if (again.status === 201) skip('conditions of a tag push are ignored');
}

const isNamed =
  (digest: string) =>
  (image: Pushable): boolean =>
    image.descriptor.digest === digest;

/** Images that are ready to be pushed: their blobs are there. */
async function makeImages(context: TestContext): Promise<readonly Pushable[]> {
  const images: Pushable[] = [];
  for (let i = 0; i < CLIENTS; i++) images.push(await makeImage(context, { label: `image ${i}` }));
  return images;
}

/** Sends the same bytes in two requests, in turn piece by piece. */
function inLockstep(
  bytes: Uint8Array,
  send: (body: AsyncIterable<Uint8Array>, side: 0 | 1) => Promise<Exchange>,
): Promise<readonly [Exchange, Exchange]> {
  const steps = new Lockstep();
  const one = (side: 0 | 1): Promise<Exchange> =>
    send(steps.body(side, bytes, PIECE), side).finally(() => {
      steps.release(side);
    });
  return Promise.all([one(0), one(1)]);
}

/** Between one and `most` of the answers are 202, the others say why not; the last 202. */
function expectTaken(answers: readonly [Exchange, Exchange], most: number): Exchange {
  const taken = answers.filter((answer) => expectStatus(answer, 202, ...CONFLICT).status === 202);
  const last = taken.toSorted((a, b) => reached(a) - reached(b)).at(-1);
  if (last === undefined) return answers[0].fail('expected one of the two to be taken');
  if (taken.length > most) answers[1].fail(`expected ${most} of the two to be taken`);
  return last;
}

function reached(answer: Exchange): number {
  return Number(/-(\d+)$/.exec(answer.headers.get('range') ?? '')?.[1] ?? 0);
}

/** The session holds one of `possible`, and closes as it. */
async function expectWhole(
  { http, repository }: TestContext,
  location: string,
  bytes: Uint8Array,
  possible: readonly Uint8Array[],
): Promise<void> {
  const status = expectStatus(await http.send('GET', location), 204);
  const blob = possible.find((entry) => entry.byteLength === reached(status) + 1);
  if (blob === undefined)
    return status.fail(`expected ${bytes.byteLength} bytes, or as many of two requests`);
  const closed = await closeUpload(http, nextLocation(status, location), digestOf(blob));
  expectStatus(closed, 201);
  expectBody(expectStatus(await http.send('GET', blobPath(repository, digestOf(blob))), 200), blob);
}
