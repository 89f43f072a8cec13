import { expectEqual, expectHeader, expectStatus } from '../expect.js';
import { SECTIONS, type TestCase } from '../test-case.js';

/** The endpoint every client asks first. */
export const pingTests: readonly TestCase[] = [
  {
    id: 'ping.answers',
    title: 'GET /v2/ answers 200',
    section: SECTIONS.support,
    level: 'must',
    async run({ http }) {
      expectStatus(await http.send('GET', '/v2/'), 200);
    },
  },
  {
    id: 'ping.no-slash',
    title: 'GET /v2 answers as /v2/ does',
    section: SECTIONS.support,
    level: 'may',
    profile: 'strict',
    async run({ http }) {
      expectStatus(await http.send('GET', '/v2'), 200);
    },
  },
  {
    id: 'ping.head',
    title: 'HEAD /v2/ answers 200 without a body',
    section: SECTIONS.support,
    level: 'should',
    profile: 'strict',
    async run({ http }) {
      const answer = expectStatus(await http.send('HEAD', '/v2/'), 200);
      expectEqual(answer, 'the length of the body', answer.body.byteLength, 0);
    },
  },
  {
    id: 'ping.api-version',
    title: 'Docker-Distribution-API-Version is registry/2.0, which old clients ask for',
    section: SECTIONS.support,
    level: 'may',
    profile: 'strict',
    async run({ http }) {
      const answer = await http.send('GET', '/v2/');
      expectEqual(
        answer,
        'the API version',
        expectHeader(answer, 'docker-distribution-api-version'),
        'registry/2.0',
      );
    },
  },
];
