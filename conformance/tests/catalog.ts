import { expectEqual, expectJson, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { pushImage } from '../images.js';
import { skip } from '../outcome.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { withQuery } from '../wire.js';

const CATALOG = '/v2/_catalog';

/** The list of repositories: not part of the spec, and asked for by many tools. */
export const catalogTests: readonly TestCase[] = [
  strict('list', 'the catalog lists repositories in order, from last= on', async (context, repositories) => {
    const answer = await list(context, { last: context.repository, n: '3' });
    expectEqual(answer, 'repositories', repositoriesOf(answer), repositories);
  }),
  strict('pages', 'n= gives that many, and Link leads on', async (context, repositories) => {
    const first = await list(context, { last: context.repository, n: '2' });
    expectEqual(first, 'the first page', repositoriesOf(first), repositories.slice(0, 2));
    const next = first.next ?? first.fail('expected a Link with rel="next"');
    const second = expectStatus(await context.http.send('GET', next), 200);
    expectEqual(second, 'the start of the second page', repositoriesOf(second)[0], repositories[2]);
  }),
  strict('zero', 'n=0 gives an empty list, or 400', async (context) => {
    const answer = expectStatus(await context.http.send('GET', withQuery(CATALOG, { n: '0' })), 200, 400);
    if (answer.status === 200) expectEqual(answer, 'repositories', expectJson(answer).repositories, []);
  }),
  strict('bad-size', 'a negative n, or one that is no number, answers 400', async ({ http }) => {
    for (const n of ['-1', 'two']) expectStatus(await http.send('GET', withQuery(CATALOG, { n })), 400);
  }),
];

function strict(
  name: string,
  title: string,
  claim: (context: TestContext, repositories: readonly string[]) => Promise<void>,
): TestCase {
  return {
    id: `catalog.${name}`,
    title,
    section: SECTIONS.catalog,
    level: 'may',
    profile: 'strict',
    async run(context) {
      const probe = await context.http.send('GET', withQuery(CATALOG, { n: '1' }));
      if ([401, 403, 404, 405].includes(probe.status)) skip(`there is no catalog: ${probe.summary}`);
      const repositories = ['a', 'b', 'c'].map((last) => `${context.repository}/${last}`);
      for (const repository of repositories.toReversed()) {
        await pushImage({ ...context, repository }, { tag: 'tag' });
      }
      await claim(context, repositories);
    },
  };
}

async function list({ http }: TestContext, query: Readonly<Record<string, string>>): Promise<Exchange> {
  return expectStatus(await http.send('GET', withQuery(CATALOG, query)), 200);
}

function repositoriesOf(answer: Exchange): readonly unknown[] {
  const { repositories } = expectJson(answer);
  return Array.isArray(repositories) ? repositories : answer.fail('expected repositories to be a list');
}
