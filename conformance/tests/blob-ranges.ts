import { expectBody, expectEqual, expectHeader, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { skip } from '../outcome.js';
import { blobPath, pushBlob } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';

const SIZE = 2048;

/** Reading parts of blobs. Whoever ignores ranges answers 200: legal, and reported as not supported. */
export const rangeTests: readonly TestCase[] = [
  part('middle', 'bytes=500-1499', 500, 1499),
  part('open', 'bytes=500-', 500, SIZE - 1),
  part('suffix', 'bytes=-500', SIZE - 500, SIZE - 1),
  part('past-end', `bytes=1000-${SIZE + 1000}`, 1000, SIZE - 1),
  refused('reversed', 'bytes=500-0'),
  refused('beyond', `bytes=${SIZE + 10}-${SIZE + 20}`),
  {
    id: 'blob.range.refusal-names-size',
    title: 'a 416 names the size of the blob',
    section: SECTIONS.blobRange,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { answer } = await readRange(context, `bytes=${SIZE}-`);
      expectStatus(answer, 416);
      expectEqual(answer, 'Content-Range', expectHeader(answer, 'content-range'), `bytes */${SIZE}`);
    },
  },
  {
    id: 'blob.range.advertised',
    title: 'a blob is served with Accept-Ranges: bytes',
    section: SECTIONS.blobRange,
    level: 'should',
    profile: 'strict',
    async run({ http, content, repository }) {
      const { digest } = await pushBlob(http, repository, content.bytes('blob', SIZE));
      const answer = expectStatus(await http.send('HEAD', blobPath(repository, digest)), 200);
      expectEqual(answer, 'Accept-Ranges', expectHeader(answer, 'accept-ranges'), 'bytes');
    },
  },
  {
    id: 'blob.range.if-range',
    title: 'If-Range with the ETag gives the part, with another one the whole blob',
    section: `${SECTIONS.http}, 13.1.5 If-Range`,
    level: 'should',
    profile: 'strict',
    async run({ http, content, repository }) {
      const bytes = content.bytes('blob', SIZE);
      const path = blobPath(repository, (await pushBlob(http, repository, bytes)).digest);
      const etag = expectHeader(expectStatus(await http.send('HEAD', path), 200), 'etag');
      const range = 'bytes=0-9';
      const same = await http.send('GET', path, { headers: { range, 'if-range': etag } });
      expectBody(expectStatus(same, 206), bytes.subarray(0, 10));
      const other = await http.send('GET', path, { headers: { range, 'if-range': '"another"' } });
      expectBody(expectStatus(other, 200), bytes);
    },
  },
  {
    id: 'blob.range.several',
    title: 'several ranges at once give parts, one part, or the whole blob',
    section: `${SECTIONS.http}, 14.2 Range`,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const { answer, bytes } = await readRange(context, 'bytes=0-9,100-109');
      if (expectStatus(answer, 200, 206).status === 200) return expectBody(answer, bytes);
      const type = expectHeader(answer, 'content-type');
      if (type.startsWith('multipart/byteranges')) return;
      expectEqual(answer, 'Content-Range', expectHeader(answer, 'content-range'), `bytes 0-9/${SIZE}`);
      expectBody(answer, bytes.subarray(0, 10));
    },
  },
  {
    id: 'blob.range.unknown-unit',
    title: 'a range in a unit nobody knows is ignored',
    section: `${SECTIONS.http}, 14.2 Range`,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { answer, bytes } = await readRange(context, 'lines=1-2');
      expectBody(expectStatus(answer, 200), bytes);
    },
  },
];

function part(name: string, range: string, first: number, last: number): TestCase {
  return {
    id: `blob.range.${name}`,
    title: `Range: ${range} answers 206 with exactly these bytes`,
    section: SECTIONS.blobRange,
    level: 'should',
    async run(context) {
      const { answer, bytes } = await readRange(context, range);
      skipIgnored(answer, bytes);
      expectStatus(answer, 206);
      expectEqual(
        answer,
        'Content-Range',
        expectHeader(answer, 'content-range'),
        `bytes ${first}-${last}/${SIZE}`,
      );
      expectEqual(answer, 'Content-Length', expectHeader(answer, 'content-length'), String(last - first + 1));
      expectBody(answer, bytes.subarray(first, last + 1));
    },
  };
}

function refused(name: string, range: string): TestCase {
  return {
    id: `blob.range.${name}`,
    title: `Range: ${range} answers 416`,
    section: SECTIONS.blobRange,
    level: 'should',
    async run(context) {
      const { answer, bytes } = await readRange(context, range);
      skipIgnored(answer, bytes);
      expectStatus(answer, 416);
    },
  };
}

async function readRange(
  { http, content, repository }: TestContext,
  range: string,
): Promise<{ readonly answer: Exchange; readonly bytes: Uint8Array }> {
  const bytes = content.bytes('blob', SIZE);
  const { digest } = await pushBlob(http, repository, bytes);
  return { bytes, answer: await http.send('GET', blobPath(repository, digest), { headers: { range } }) };
}

function skipIgnored(answer: Exchange, bytes: Uint8Array): void {
  if (answer.status !== 200) return;
  expectBody(answer, bytes);
  skip(`ranges are not supported: ${answer.summary}`);
}
