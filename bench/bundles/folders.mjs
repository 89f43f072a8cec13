import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expectLayer, layerAt } from '../images/layer.mjs';
import { INNER, expectFiles } from './content.mjs';

/** @typedef {import('./rows.js').Bench} Bench */
/** @typedef {import('./rows.js').BundlesRow} BundlesRow */
/** @typedef {import('./rows.js').FolderName} FolderName */

const REPOSITORY = 'bench/pushed';

/** Layers that were looked into, and hold what they should. @type {Set<string>} */
const right = new Set();

/**
 * Fails unless the image that was pushed holds these files.
 * @param {import('../registry/servers.mjs').Server} server
 * @param {ReadonlyMap<string, string>} files
 */
async function expectPushed(server, files) {
  const digest = await layerAt(server, REPOSITORY, 'v1');
  // The same files are the same layer, every time and with every tool that this suite knows.
  if (right.has(digest)) return;
  await expectLayer(server, REPOSITORY, digest, files);
  right.add(digest);
}

/**
 * @param {string} id
 * @param {string} label
 * @param {FolderName} name
 * @param {'bundle' | 'image'} kind
 * @returns {BundlesRow}
 */
const pushRow = (id, label, name, kind) => ({
  id,
  label,
  unit: 's',
  better: 'less',
  measure: async (contender, bench) => {
    const { folder, inner, files } = await bench.content(name);
    return await bench.withServer(async (server) => {
      const { tool } = contender;
      const reference = `${server.host}/${REPOSITORY}:v1`;
      const order = { kind, folder: kind === 'bundle' ? folder : inner, reference };
      const seconds = await bench.timed(id, contender, [tool.push(order)]);
      if (tool.pushes) await expectPushed(server, kind === 'bundle' ? files : withoutList(files));
      return seconds;
    });
  },
});

/**
 * The files of a bundle as they are in the folder that is none.
 * @param {ReadonlyMap<string, string>} files
 */
const withoutList = (files) =>
  new Map(
    [...files]
      .filter(([file]) => !file.startsWith('.imgpkg/'))
      .map(([file, digest]) => [file.slice(file.indexOf('/') + 1), digest]),
  );

/**
 * @param {string} id
 * @param {string} label
 * @param {FolderName} name
 * @returns {BundlesRow}
 */
const pullRow = (id, label, name) => ({
  id,
  label,
  unit: 's',
  better: 'less',
  measure: async (contender, bench) => {
    const { files } = await bench.content(name);
    const output = join(bench.folder, bench.fresh());
    const command = contender.tool.pull({ ...(await bench.pushed(name)), output });
    const seconds = await bench.timed(id, contender, [command]);
    // The list of images is written anew by who pulls.
    await expectFiles(join(output, INNER), withoutList(files));
    // A file system that has just lost thousands of files is slow to make others, so small ones stay until the run is over.
    if (name !== 'files') await rm(output, { recursive: true, force: true });
    return seconds;
  },
});

/**
 * @param {Record<FolderName, string>} what how the content is called
 * @returns {BundlesRow[]}
 */
export const pushRows = ({ files, noise, text }) => [
  pushRow('push-files', `push of a bundle of ${files}`, 'files', 'bundle'),
  pushRow('push-image', `push of an image of ${files}`, 'files', 'image'),
  pushRow('push-noise', `push of a bundle of ${noise}`, 'noise', 'bundle'),
  pushRow('push-text', `push of a bundle of ${text}`, 'text', 'bundle'),
];

/**
 * @param {Record<FolderName, string>} what how the content is called
 * @returns {BundlesRow[]}
 */
export const pullRows = ({ files, noise, text }) => [
  pullRow('pull-files', `pull of ${files}`, 'files'),
  pullRow('pull-noise', `pull of ${noise}`, 'noise'),
  pullRow('pull-text', `pull of ${text}`, 'text'),
];
