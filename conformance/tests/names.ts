import { expectCode, expectStatus } from '../expect.js';
import { makeImage, pushImage } from '../images.js';
import { getManifest, pushManifest, sendManifest, tagsPath, uploadsPath } from '../push.js';
import { SECTIONS, type TestCase } from '../test-case.js';
import { expectManifest } from './manifest-claims.js';

const VALID: Readonly<Record<string, string>> = {
  'double-underscore': 'a__b/c_d',
  dashes: 'a-b--c---d',
  dots: '1.2.3/x.y',
  digits: '0/00/1a',
  'endpoint-words': 'blobs/manifests/uploads/tags/list/referrers',
  uploads: 'a/blobs/uploads',
  manifests: 'manifests/manifests',
};

const INVALID: Readonly<Record<string, string>> = {
  'upper-case': 'Upper/case',
  'leading-dot': '.a/b',
  'trailing-dash': 'a-/b',
  'two-dots': 'a..b',
  'three-underscores': 'a___b',
  'dot-dash': 'a.-b',
  'leading-underscore': '_a/b',
  tilde: 'a~b',
  'encoded-slash': 'a%2Fb',
  'encoded-nul': 'a%00b',
  'not-ascii': 'caf%C3%A9',
};

/** Clients with a URL parser resolve these before they send them. */
const RAW: Readonly<Record<string, string>> = {
  dots: 'a/../b',
  'encoded-dots': 'a/%2e%2e/b',
  'empty-component': 'a//b',
};

const INVALID_TAGS: Readonly<Record<string, string>> = {
  'leading-dot': '.tag',
  'leading-dash': '-tag',
  'too-long': 'x'.repeat(129),
  plus: 'v1%2B2',
  space: 'a%20b',
};

/** The grammar of repository names and tags. */
export const nameTests: readonly TestCase[] = [
  ...Object.entries(VALID).map(([key, name]): TestCase => ({
    id: `name.valid.${key}`,
    title: `a repository …/${name} can be pushed to, listed and read`,
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const inside = { ...context, repository: `${context.repository}/${name}` };
      const image = await pushImage(inside, { tag: 'tag' });
      await expectManifest(inside, 'tag', image);
      await expectManifest(inside, image.descriptor.digest, image);
      expectStatus(await context.http.send('GET', tagsPath(inside.repository)), 200);
    },
  })),
  {
    id: 'name.valid.long',
    title: 'a name of 200 characters works',
    section: SECTIONS.pullManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const name = `${context.repository}/`;
      const inside = { ...context, repository: name.padEnd(200, 'x') };
      await expectManifest(inside, 'tag', await pushImage(inside, { tag: 'tag' }));
    },
  },
  ...Object.entries({ ...INVALID, ...RAW, 'too-long': 'x'.repeat(300) }).map(([key, name]): TestCase => ({
    ...(key in RAW ? { isSocket: true } : {}),
    id: `name.invalid.${key}`,
    title: `a repository …/${name.slice(0, 20)} is refused (400 NAME_INVALID, or 404)`,
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run({ http, repository }) {
      const inside = `${repository}/${name}`;
      for (const answer of [
        await http.send('POST', uploadsPath(inside)),
        await http.send('GET', tagsPath(inside)),
        await getManifest(http, inside, 'tag'),
      ]) {
        if (expectStatus(answer, 400, 404).status === 400) expectCode(answer, 'NAME_INVALID');
      }
    },
  })),
  {
    id: 'tag.valid',
    title: 'tags of every legal kind, up to 128 characters',
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const image = await makeImage(context);
      const tags = [
        '_',
        '_.-',
        '0',
        'UPPER.lower-1_2',
        `x${'.-_Z'.repeat(31)}end`,
        'manifests',
        'x'.repeat(128),
      ];
      for (const tag of tags) {
        await pushManifest(context.http, context.repository, image, tag);
        await expectManifest(context, tag, image);
      }
    },
  },
  ...Object.entries(INVALID_TAGS).map(([key, tag]): TestCase => ({
    id: `tag.invalid.${key}`,
    title: `the tag ${tag.slice(0, 20)} is refused (400 or 404)`,
    section: SECTIONS.pullManifest,
    level: 'must',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      const image = await makeImage(context);
      expectStatus(await sendManifest(http, repository, image, tag), 400, 404);
      expectStatus(await getManifest(http, repository, tag), 400, 404);
    },
  })),
];
