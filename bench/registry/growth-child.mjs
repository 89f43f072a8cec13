// Compares pages of a small and a large list: `node growth-child.mjs DIST KIND FOLDER WHAT SMALL LARGE`.
// Prints, for the first, the middle and the last page, how many times as long it takes out of the large list.
import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { digestOf } from '../lib/content.mjs';
import { median } from '../lib/statistics.mjs';
import { seedReferrers, seedRepositories, seedTags } from './seeding.mjs';

const PAGE = 100;
const WARM_UP = 100;
const REQUESTS = 300;
const REPOSITORY = 'bench/growth';
const SUBJECT = digestOf('{}');

/** @type {Record<string, { path: string, seed: (store: any, count: number) => Promise<string[]>, entries: (body: any) => string[] }>} */
const LISTS = {
  tags: {
    path: `/v2/${REPOSITORY}/tags/list`,
    seed: (store, count) => seedTags(store, REPOSITORY, count),
    entries: ({ tags }) => tags,
  },
  catalog: {
    path: '/v2/_catalog',
    seed: seedRepositories,
    entries: ({ repositories }) => repositories,
  },
  referrers: {
    path: `/v2/${REPOSITORY}/referrers/${SUBJECT}`,
    seed: (store, count) => seedReferrers(store, REPOSITORY, SUBJECT, count),
    entries: ({ manifests }) => manifests.map((/** @type {{ digest: string }} */ { digest }) => digest),
  },
};

const [dist = '', kind = 'auto', folder = '', what = 'tags', small = '', large = ''] = process.argv.slice(2);
const list = LISTS[what];
if (list === undefined) throw new Error(`there is no list of ${what}`);
const { createRegistry } = await import(pathToFileURL(join(resolve(dist), 'registry.js')).href);

/**
 * A registry with so many entries, and a way to get a page from it.
 * @param {number} count
 */
async function seeded(count) {
  const storage = { kind, folder: join(folder, String(count)) };
  const registry = await createRegistry({ storage, collection: { every: 0 } });
  const names = await list.seed(registry.store, count);
  /** @param {'first' | 'middle' | 'last'} page */
  const request = (page) => {
    const from = { first: 0, middle: count / 2, last: count - PAGE }[page];
    const last = from === 0 ? '' : `&last=${encodeURIComponent(names[from - 1])}`;
    return { url: `http://localhost${list.path}?n=${PAGE}${last}`, wanted: names.slice(from, from + PAGE) };
  };
  return { registry, request };
}

/**
 * Milliseconds that a page takes, made and read.
 * @param {Awaited<ReturnType<typeof seeded>>} side
 * @param {'first' | 'middle' | 'last'} page
 */
async function time({ registry, request }, page) {
  const { url, wanted } = request(page);
  const started = performance.now();
  const answer = await registry.fetch(new Request(url));
  const text = await answer.text();
  const elapsed = performance.now() - started;
  const found = answer.status === 200 ? list.entries(JSON.parse(text)) : [];
  if (found.length !== PAGE || found.some((name, index) => name !== wanted[index])) {
    throw new Error(`the ${page} page of ${what} (${answer.status}) is not what was stored`);
  }
  return elapsed;
}

const sides = [await seeded(Number(small)), await seeded(Number(large))];
/** @type {Record<string, number>} */
const growth = {};
for (const page of /** @type {const} */ (['first', 'middle', 'last'])) {
  /** @type {[number[], number[]]} */
  const times = [[], []];
  for (let index = 0; index < WARM_UP + REQUESTS; index++) {
    // In turn, so that whatever else the machine does hits both.
    for (const [which, side] of sides.entries()) {
      const taken = await time(side, page);
      if (index >= WARM_UP) times[which].push(taken);
    }
  }
  growth[page] = median(times[1]) / median(times[0]);
}
console.log(JSON.stringify(growth));
for (const { registry } of sides) await registry.close();
