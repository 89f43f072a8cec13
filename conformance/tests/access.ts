import { parseChallenges } from '../challenge.js';
import { expectCode, expectHeader, expectStatus } from '../expect.js';
import type { Http } from '../http.js';
import { pushImage } from '../images.js';
import { skip } from '../outcome.js';
import { tagsPath, uploadsPath } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';

const SECTION = `${SECTIONS.http}, 11.6.1 WWW-Authenticate`;
const WRONG = { authorization: `Basic ${Buffer.from('nobody:wrong').toString('base64')}` };

/** What a registry with access control owes to clients without, or with wrong, credentials. */
export const accessTests: readonly TestCase[] = [
  access(
    'challenge',
    'a ping without credentials answers 401 with a challenge clients can read',
    async ({ anonymous }) => {
      const answer = expectStatus(await anonymous.send('GET', '/v2/'), 401);
      const challenges = parseChallenges(expectHeader(answer, 'www-authenticate'));
      const usable = challenges.find(({ scheme }) => scheme === 'basic' || scheme === 'bearer');
      if (usable?.parameters.realm === undefined)
        answer.fail('expected a Basic or Bearer challenge with a realm');
      // Clients cut the values out between quotes.
      if (!/realm="/.test(expectHeader(answer, 'www-authenticate')))
        answer.fail('expected realm="…", in quotes');
      expectCode(answer, 'UNAUTHORIZED');
    },
  ),
  access('anonymous-push', 'a push without credentials answers 401', async ({ anonymous, repository }) => {
    const answer = expectStatus(await anonymous.send('POST', uploadsPath(repository)), 401);
    expectHeader(answer, 'www-authenticate');
    expectCode(answer, 'UNAUTHORIZED');
  }),
  access('wrong-password', 'wrong credentials answer 401', async ({ anonymous, repository }) => {
    const ping = await anonymous.send('GET', '/v2/', { headers: WRONG });
    expectCode(expectStatus(ping, 401), 'UNAUTHORIZED');
    expectStatus(await anonymous.send('POST', uploadsPath(repository), { headers: WRONG }), 401);
  }),
  access(
    'existence',
    'without credentials a repository that is there looks as one that is not',
    async (context) => {
      const { anonymous, repository } = context;
      await pushImage({ ...context, repository: `${repository}/there` }, { tag: 'tag' });
      const there = await anonymous.send('GET', tagsPath(`${repository}/there`));
      if (there.status === 200) skip('everybody may read');
      expectStatus(there, (await anonymous.send('GET', tagsPath(`${repository}/absent`))).status);
    },
  ),
];

function access(
  name: string,
  title: string,
  claim: (context: TestContext & { readonly anonymous: Http }) => Promise<void>,
): TestCase {
  return {
    id: `access.${name}`,
    title,
    section: SECTION,
    level: 'must',
    profile: 'strict',
    credentials: true,
    async run(context) {
      const { anonymous } = context;
      if (anonymous === undefined) skip('the run has no credentials');
      await claim({ ...context, anonymous });
    },
  };
}
