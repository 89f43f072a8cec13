import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { folderOfFiles } from './content.mjs';
import { manifestAt } from './places.mjs';

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
 * Fails unless the only layer of an image holds exactly these files, below `data`.
 * @param {import('../registry/servers.mjs').Server} server
 * @param {string} repository
 * @param {Folder} content
 */
async function expectFiles(server, repository, { files }) {
  const { manifest } = await manifestAt(server, repository, 'new');
  const [layer, ...others] = manifest.layers;
  if (layer === undefined || others.length > 0) throw new Error('the image does not have one layer');
  const answer = await fetch(`${server.url}/v2/${repository}/blobs/${layer.digest}`);
  if (!answer.ok || answer.body === null) throw new Error(`the layer is not there: ${answer.status}`);
  const archive = extract();
  const unpacked = pipeline(Readable.fromWeb(answer.body), createGunzip(), archive);
  unpacked.catch(() => undefined);
  let found = 0;
  for await (const entry of archive) {
    const hash = createHash('sha256');
    for await (const chunk of entry) hash.update(chunk);
    if (entry.header.type !== 'file') continue;
    const name = entry.header.name.replace(/^\/?data\//, '');
    if (files.get(name) !== `sha256:${hash.digest('hex')}`)
      throw new Error(`the layer has other bytes in ${entry.header.name} than the folder`);
    found++;
  }
  await unpacked;
  if (found !== files.size) throw new Error(`the layer has ${found} files, the folder ${files.size}`);
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
            await expectFiles(server, repository, content);
            return seconds;
          });
        } finally {
          await rm(work, { recursive: true, force: true });
        }
      },
    },
  ];
}
