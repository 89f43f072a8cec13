import { digestOf } from '../../oci/index.js';
import { expectCode, expectEqual, expectHeader, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { makeImage, pushImage } from '../images.js';
import {
  blobPath,
  manifestPath,
  openUpload,
  putWhole,
  referrersPath,
  sendManifest,
  tagsPath,
  uploadsPath,
} from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';

/** Errors are JSON, with the code that fits; methods nobody has are named as such. */
export const errorTests: readonly TestCase[] = [
  error('blob-unknown', 404, ['BLOB_UNKNOWN'], async (context) => {
    await pushImage(context);
    return context.http.send('GET', blobPath(context.repository, absent(context)));
  }),
  error('manifest-unknown', 404, ['MANIFEST_UNKNOWN'], async (context) => {
    await pushImage(context);
    return context.http.send('GET', manifestPath(context.repository, 'unknown'));
  }),
  error('name-unknown', 404, ['NAME_UNKNOWN'], ({ http, repository }) =>
    http.send('GET', tagsPath(repository)),
  ),
  error('upload-unknown', 404, ['BLOB_UPLOAD_UNKNOWN'], async (context) => {
    await pushImage(context);
    return context.http.send('GET', `${uploadsPath(context.repository)}not-a-session`);
  }),
  error('blob-digest-invalid', 400, ['DIGEST_INVALID'], async (context) => {
    const { http, content, repository } = context;
    const { location } = await openUpload(http, repository);
    return putWhole(http, location, absent(context), content.bytes('blob', 10));
  }),
  error('manifest-digest-invalid', 400, ['DIGEST_INVALID'], async (context) => {
    const image = await makeImage(context);
    return sendManifest(context.http, context.repository, image, absent(context));
  }),
  error('referrers-digest-invalid', 400, ['DIGEST_INVALID'], ({ http, repository }) =>
    http.send('GET', referrersPath(repository, 'sha256:abc')),
  ),
  error('name-invalid', 400, ['NAME_INVALID'], ({ http, repository }) =>
    http.send('POST', uploadsPath(`${repository}/UPPER`)),
  ),
  {
    id: 'error.head',
    title: 'a HEAD that fails has no body',
    section: SECTIONS.errors,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      for (const path of [blobPath(repository, absent(context)), manifestPath(repository, 'unknown')]) {
        const answer = expectStatus(await http.send('HEAD', path), 404);
        expectEqual(answer, 'the length of the body', answer.body.byteLength, 0);
      }
    },
  },
  {
    id: 'error.unknown-path',
    title: 'paths that are none answer 404',
    section: SECTIONS.errors,
    level: 'should',
    profile: 'strict',
    async run({ http, repository }) {
      for (const path of [
        `/v2/${repository}`,
        `/v2/${repository}/nonsense/x`,
        `/v2/${repository}/tags/other`,
      ]) {
        expectStatus(await http.send('GET', path), 404);
      }
    },
  },
  method('ping', 'PUT', '/v2/'),
  method('blob', 'PATCH', (context) => blobPath(context.repository, absent(context))),
  method('manifest', 'POST', (context) => manifestPath(context.repository, 'tag')),
  method('uploads', 'PUT', (context) => uploadsPath(context.repository)),
  method('tags', 'DELETE', (context) => tagsPath(context.repository)),
  method('referrers', 'POST', (context) => referrersPath(context.repository, absent(context))),
];

function absent({ content }: TestContext): string {
  return digestOf(content.bytes('absent', 30));
}

function error(
  name: string,
  status: number,
  codes: readonly string[],
  provoke: (context: TestContext) => Promise<Exchange>,
): TestCase {
  return {
    id: `error.${name}`,
    title: `${codes.join(' or ')} comes with ${status}, as JSON with a message`,
    section: SECTIONS.errors,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const answer = expectStatus(await provoke(context), status);
      if (!/^application\/json\b/.test(expectHeader(answer, 'content-type'))) {
        answer.fail('expected the Content-Type application/json');
      }
      expectCode(answer, ...codes);
      const silent = answer.errors.some((entry) => typeof entry.message !== 'string' || entry.message === '');
      if (silent) answer.fail('expected a message with every error');
    },
  };
}

function method(name: string, verb: string, path: string | ((context: TestContext) => string)): TestCase {
  return {
    id: `error.method.${name}`,
    title: `${verb} where it does not belong answers 405 with Allow`,
    section: `${SECTIONS.http}, 15.5.6 405 Method Not Allowed`,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const target = typeof path === 'string' ? path : path(context);
      const answer = expectStatus(await context.http.send(verb, target), 405);
      const allowed = expectHeader(answer, 'allow')
        .split(',')
        .map((entry) => entry.trim());
      if (allowed.includes(verb)) answer.fail(`expected Allow without ${verb}`);
      if (!allowed.every((entry) => /^[A-Z]+$/.test(entry)))
        answer.fail('expected Allow to be a list of methods');
      expectCode(answer, 'UNSUPPORTED');
    },
  };
}
