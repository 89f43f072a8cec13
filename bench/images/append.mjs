import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { folderOfFiles } from './content.mjs';
import { expectLayer, layerAt } from './layer.mjs';

/** @typedef {import('./rows.js').Bench} Bench */
/** @typedef {Awaited<ReturnType<typeof folderOfFiles>>} Folder */

/** By the folder of the run. @type {Map<string, Promise<Folder>>} */
const made = new Map();

/**
 * @param {Bench} bench
 * @param {number} count
 */
function contentFor({ folder }, count) {
  const content = made.get(folder) ?? folderOfFiles(join(folder, 'files'), count);
  made.set(folder, content);
  return content;
}

/**
 * @param {number} mebibytes
 * @returns {import('./rows.js').ImagesRow[]}
 */
export function appendRows(mebibytes) {
  return [
    {
      id: 'append',
      label: `append of a folder of ${mebibytes} MiB, half of it noise`,
      unit: 's',
      better: 'less',
      target: 1,
      measure: async (tool, contender, bench) => {
        const content = await contentFor(bench, mebibytes);
        const work = join(bench.folder, bench.fresh());
        await mkdir(work);
        try {
          return await bench.withServer(async (server) => {
            const repository = 'bench/append';
            const reference = `${server.host}/${repository}:new`;
            const commands = tool.append({ folder: content.folder, reference, work });
            if (commands === undefined) return undefined;
            const seconds = await bench.timed(contender, commands);
            await expectLayer(server, repository, await layerAt(server, repository, 'new'), content.files);
            return seconds;
          });
        } finally {
          await rm(work, { recursive: true, force: true });
        }
      },
    },
  ];
}
