import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expectImages, seed } from './places.mjs';

/** @typedef {import('./places.mjs').Place} Place */
/** @typedef {import('./rows.js').Bench} Bench */
/** @typedef {import('./rows.js').ImagesRow} ImagesRow */

/** Repositories of the source. skopeo sync keeps the last part of a name, so copies are called alike. */
export const REPOSITORIES = { images: 'team/images', big: 'team/big' };

/** @typedef {'images' | 'big'} Content */
/** @typedef {(from: Place, to: Place) => Promise<number | undefined>} Work */

/**
 * Between which places a row copies. Every sample has a registry or a folder of its own to copy to.
 * @type {Record<'same' | 'other' | 'to-layout' | 'from-layout', (bench: Bench, content: Content, work: Work) => Promise<number | undefined>>}
 */
const ways = {
  // skopeo remembers which registry has a blob: one that it has read from before would not be new to it.
  same: async ({ withServer, fresh, ...bench }, content, work) =>
    await withServer(async (server) => {
      const repository = REPOSITORIES[content];
      await seed(server, repository, bench[content]);
      return await work(
        { kind: 'registry', server, repository },
        { kind: 'registry', server, repository: `${fresh()}/${content}` },
      );
    }),
  other: async ({ withServer, source, fresh }, content, work) =>
    await withServer((server) =>
      work(
        { kind: 'registry', server: source, repository: REPOSITORIES[content] },
        { kind: 'registry', server, repository: `${fresh()}/${content}` },
      ),
    ),
  'to-layout': async ({ folder, source, fresh }, content, work) => {
    const path = join(folder, fresh());
    try {
      return await work(
        { kind: 'registry', server: source, repository: REPOSITORIES[content] },
        { kind: 'layout', folder: path },
      );
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  },
  'from-layout': async ({ withServer, fresh, ...bench }, content, work) =>
    await withServer((server) =>
      work(
        { kind: 'layout', folder: bench[content].folder },
        { kind: 'registry', server, repository: `${fresh()}/${content}` },
      ),
    ),
};

/**
 * @param {keyof typeof ways} way
 * @param {Content} content
 * @param {string} label
 * @returns {ImagesRow}
 */
const copyRow = (way, content, label) => ({
  id: `copy-${way}-${content}`,
  label,
  unit: 's',
  better: 'less',
  target: 1,
  measure: async (tool, contender, bench) =>
    await ways[way](bench, content, async (from, to) => {
      const { images } = bench[content];
      const commands = tool.copy(
        from,
        to,
        images.map(({ tag }) => tag),
      );
      if (commands === undefined) return undefined;
      const seconds = await bench.timed(contender, commands);
      await expectImages(to, images);
      return seconds;
    }),
});

/**
 * @param {Record<Content, string>} what how the content is called
 * @returns {ImagesRow[]}
 */
export function copyRows({ images, big }) {
  const list = /** @type {const} */ ([
    ['same', 'within a registry'],
    ['other', 'registry to registry'],
    ['to-layout', 'registry to layout'],
    ['from-layout', 'layout to registry'],
  ]);
  return list.flatMap(([way, between]) => [
    copyRow(way, 'images', `${images}, ${between}`),
    copyRow(way, 'big', `${big}, ${between}`),
  ]);
}
