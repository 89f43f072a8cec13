import { expectEqual, expectHeader, expectJson, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { pushImage } from '../images.js';
import { skip } from '../outcome.js';
import { pushBlob, pushManifest, tagsPath } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { withQuery } from '../wire.js';

/** Pushed in this order, which is not the order they must be listed in. */
const TAGS = ['v10', 'alpha', 'v2', 'v1.0-rc_1', '_x', 'zeta', 'beta'] as const;
const SORTED: readonly string[] = TAGS.toSorted();

/** The list of tags, whole and in pages. */
export const tagTests: readonly TestCase[] = [
  {
    id: 'tags.unknown-repository',
    title: 'the tags of an unknown repository: 404, or 200 with JSON',
    section: SECTIONS.tags,
    level: 'must',
    async run({ http, repository }) {
      const answer = expectStatus(await http.send('GET', tagsPath(repository)), 404, 200);
      if (answer.status === 200) expectJson(answer);
    },
  },
  {
    id: 'tags.list',
    title: 'the list has the name and every tag',
    section: SECTIONS.tags,
    level: 'must',
    async run(context) {
      await pushTags(context);
      const answer = expectStatus(await context.http.send('GET', tagsPath(context.repository)), 200);
      expectEqual(answer, 'name', expectJson(answer).name, context.repository);
      expectEqual(answer, 'the tags in any order', tagsOf(answer).toSorted(), SORTED);
    },
  },
  {
    id: 'tags.last',
    title: 'last= begins after the tag and gives all that follow',
    section: SECTIONS.tagPages,
    level: 'must',
    async run(context) {
      await pushTags(context);
      const all = tagsOf(await list(context));
      for (const [at, last] of all.entries()) {
        const answer = await list(context, { last });
        expectEqual(answer, `the tags after ${last}`, tagsOf(answer), all.slice(at + 1));
      }
    },
  },
  strict('tags.order', 'tags are in lexical or byte order', 'must', SECTIONS.tags, async (context) => {
    const answer = await list(context);
    const ignoringCase = TAGS.toSorted((a, b) => a.toLowerCase().localeCompare(b.toLowerCase(), 'en'));
    const got = tagsOf(answer);
    if (JSON.stringify(got) !== JSON.stringify(ignoringCase)) expectEqual(answer, 'the tags', got, SORTED);
  }),
  strict('tags.content-type', 'the list is application/json', 'should', SECTIONS.tags, async (context) => {
    const answer = await list(context);
    if (!/^application\/json\b/.test(expectHeader(answer, 'content-type'))) {
      answer.fail('expected the Content-Type application/json');
    }
  }),
  strict(
    'tags.page.size',
    'n= gives n tags, fewer only with a Link or at the end',
    'must',
    SECTIONS.tagPages,
    async (context) => {
      const all = tagsOf(await list(context));
      for (const n of [1, 3, TAGS.length, TAGS.length + 5, 1_000_000]) {
        const answer = await list(context, { n: String(n) });
        const got = tagsOf(answer);
        if (answer.next === undefined) expectEqual(answer, `the tags for n=${n}`, got, all.slice(0, n));
        else expectEqual(answer, `the tags for n=${n}`, got, all.slice(0, Math.min(n, got.length)));
      }
    },
  ),
  strict(
    'tags.page.link',
    'Link leads from page to page through all tags',
    'should',
    SECTIONS.tagPages,
    async (context) => {
      const all = tagsOf(await list(context));
      const seen: string[] = [];
      let answer = await list(context, { n: '2' });
      if (answer.next === undefined) skip('no Link comes with a part of the list');
      for (let page = 0; page < TAGS.length; page++) {
        if (tagsOf(answer).length > 2) answer.fail('expected at most 2 tags');
        seen.push(...tagsOf(answer));
        if (answer.next === undefined) break;
        answer = expectStatus(await context.http.send('GET', answer.next), 200);
      }
      expectEqual(answer, 'the tags of all pages', seen, all);
    },
  ),
  strict(
    'tags.page.link-form',
    'Link is <…>; rel="next" and is not on the last page',
    'must',
    SECTIONS.tagPages,
    async (context) => {
      const part = await list(context, { n: '2' });
      const link = part.headers.get('link');
      if (link === undefined) skip('no Link comes with a part of the list');
      if (!/^<[^<>\s]+>;\s*rel="next"$/.test(link)) part.fail('expected Link: <…>; rel="next"');
      const whole = await list(context, { n: String(TAGS.length + 1) });
      expectEqual(whole, 'Link', whole.headers.get('link'), undefined);
    },
  ),
  strict(
    'tags.page.last-and-size',
    'n= and last= work together',
    'must',
    SECTIONS.tagPages,
    async (context) => {
      const all = tagsOf(await list(context));
      const answer = await list(context, { n: '2', last: all[1] ?? '' });
      expectEqual(answer, 'the tags', tagsOf(answer), all.slice(2, 4));
    },
  ),
  strict('tags.page.last-absent', 'last= need not exist', 'should', SECTIONS.tagPages, async (context) => {
    const answer = await list(context, { last: 'gamma' });
    expectEqual(
      answer,
      'the tags after gamma',
      tagsOf(answer),
      SORTED.filter((tag) => tag > 'gamma'),
    );
    const end = await list(context, { last: 'zzz' });
    expectEqual(end, 'the tags after zzz', tagsOf(end), []);
  }),
  strict(
    'tags.page.zero',
    'n=0 gives an empty list without a Link',
    'must',
    SECTIONS.tagPages,
    async (context) => {
      const answer = await list(context, { n: '0' });
      expectEqual(answer, 'tags', expectJson(answer).tags, []);
      expectEqual(answer, 'Link', answer.headers.get('link'), undefined);
    },
  ),
  strict(
    'tags.page.bad-size',
    'a negative n, or one that is no number, answers 400',
    'should',
    SECTIONS.tagPages,
    async ({ http, repository }) => {
      for (const n of ['-1', 'two', '1.5']) {
        expectStatus(await http.send('GET', withQuery(tagsPath(repository), { n })), 400);
      }
    },
  ),
  {
    id: 'tags.empty',
    title: 'a repository without tags lists [], never null',
    section: SECTIONS.tags,
    level: 'must',
    profile: 'strict',
    async run(context) {
      await pushImage(context);
      const answer = await list(context);
      expectEqual(answer, 'tags', expectJson(answer).tags, []);
    },
  },
  {
    id: 'tags.blobs-only',
    title: 'a repository that has blobs only lists no tags (200 or 404)',
    section: SECTIONS.tags,
    level: 'may',
    profile: 'strict',
    async run({ http, content, repository }) {
      await pushBlob(http, repository, content.bytes('blob', 100));
      const answer = expectStatus(await http.send('GET', tagsPath(repository)), 200, 404);
      if (answer.status === 200) expectEqual(answer, 'tags', expectJson(answer).tags, []);
    },
  },
];

function strict(
  id: string,
  title: string,
  level: TestCase['level'],
  section: string,
  claim: (context: TestContext) => Promise<void>,
): TestCase {
  return {
    id,
    title,
    section,
    level,
    profile: 'strict',
    async run(context) {
      await pushTags(context);
      await claim(context);
    },
  };
}

async function pushTags(context: TestContext): Promise<void> {
  const image = await pushImage(context, { tag: TAGS[0] });
  for (const tag of TAGS.slice(1)) await pushManifest(context.http, context.repository, image, tag);
}

async function list(
  { http, repository }: TestContext,
  query: Readonly<Record<string, string>> = {},
): Promise<Exchange> {
  return expectStatus(await http.send('GET', withQuery(tagsPath(repository), query)), 200);
}

/** The tags of an answer. Go's empty list may come as null where that is not what is tested. */
function tagsOf(answer: Exchange): readonly string[] {
  const tags = expectJson(answer).tags ?? [];
  const isList = Array.isArray(tags) && tags.every((tag): tag is string => typeof tag === 'string');
  return isList ? tags : answer.fail('expected tags to be a list of strings');
}
