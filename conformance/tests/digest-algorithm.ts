import { digestOf } from '../../oci/index.js';
import { expectCode, expectLocation, expectStatus } from '../expect.js';
import { putWhole, sendStream, uploadsPath } from '../push.js';
import { SECTIONS, type TestCase } from '../test-case.js';
import { withQuery } from '../wire.js';
import { expectTaken } from './blob-claims.js';

/** `digest-algorithm` on the POST that opens an upload (1.1+dev). */
export const digestAlgorithmTests: readonly TestCase[] = (['sha256', 'sha512'] as const)
  .map((algorithm): TestCase => ({
    id: `upload.digest-algorithm.${algorithm}`,
    title: `an upload opened with digest-algorithm=${algorithm}`,
    section: SECTIONS.postPut,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const { http, content, repository } = context;
      const path = withQuery(uploadsPath(repository), { 'digest-algorithm': algorithm });
      const bytes = content.bytes('blob', 900);
      const whole = expectLocation(expectStatus(await http.send('POST', path), 202));
      await expectTaken(
        context,
        await putWhole(http, whole, digestOf(bytes, algorithm), bytes),
        bytes,
        algorithm,
      );
      const stream = expectLocation(expectStatus(await http.send('POST', path), 202));
      const patched = expectLocation(expectStatus(await sendStream(http, stream, bytes), 202));
      const closed = await http.send('PUT', withQuery(patched, { digest: digestOf(bytes, algorithm) }));
      await expectTaken(context, closed, bytes, algorithm);
    },
  }))
  .concat([
    {
      id: 'upload.digest-algorithm.unknown',
      title: 'an upload with an algorithm nobody knows answers 400',
      section: SECTIONS.postPut,
      level: 'should',
      profile: 'strict',
      async run({ http, repository }) {
        const path = withQuery(uploadsPath(repository), { 'digest-algorithm': 'crc32' });
        expectCode(expectStatus(await http.send('POST', path), 400), 'DIGEST_INVALID', 'UNSUPPORTED');
      },
    },
    {
      id: 'upload.digest-algorithm.other',
      title: 'the closing PUT may name another algorithm than the POST did, or is refused with 400',
      section: SECTIONS.postPut,
      level: 'may',
      profile: 'strict',
      async run(context) {
        const { http, content, repository } = context;
        const path = withQuery(uploadsPath(repository), { 'digest-algorithm': 'sha512' });
        const at = expectLocation(expectStatus(await http.send('POST', path), 202));
        const bytes = content.bytes('blob', 900);
        const closed = expectStatus(await putWhole(http, at, digestOf(bytes), bytes), 201, 400);
        if (closed.status === 201) await expectTaken(context, closed, bytes, 'sha256');
      },
    },
  ]);
