import { createWriteStream } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { blobAt, layerAt } from '../images/layer.mjs';
import { withServer } from '../images/places.mjs';
import { commandsIn } from '../lib/commands.mjs';
import { withFolder } from '../lib/folder.mjs';
import { firstLine, machineFacts } from '../lib/machine.mjs';
import { run as runCommand } from '../lib/processes.mjs';
import { inTurn, resultOf } from '../lib/rounds.mjs';
import { contendersOf } from '../registry/servers.mjs';
import { bigFiles, bundleOf, seedIndex, smallFiles } from './content.mjs';
import { copyRows } from './copies.mjs';
import { pullRows, pushRows } from './folders.mjs';
import { floor, imgpkg, ocilot } from './tools.mjs';

/** @typedef {import('../lib/options.mjs').Options} Options */
/** @typedef {import('./rows.js').Bench} Bench */
/** @typedef {import('./rows.js').BundlesRow} BundlesRow */
/** @typedef {import('./rows.js').Contender} Contender */
/** @typedef {import('./rows.js').FolderName} FolderName */

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const MIB = 1024 * 1024;
const PEER = 'peer';
/** Wanted ratio against imgpkg; the floor has none. */
const TARGET = 2;
/** Wanted bound of resident memory, in MiB. */
const MEMORY = 256;
const FLOOR_NOTE =
  'imgpkg is not on the PATH, so nothing is said about it. Beside ours stands the bare work, done by other programs on the same machine: ' +
  '`tar | gzip -1` into nothing for a push, which checks and sends nothing; `tar -xzf` of the layer for a pull, which fetches nothing; ' +
  '`skopeo copy --all` of the index for a copy, without the bundle that lists it, its archives being `oci-archive`. A ratio of 1 is as fast as that.';

/** @param {Options} options */
const sizes = ({ quick }) =>
  quick
    ? { files: 2000, big: 128, images: { count: 10, unit: 2 * MIB }, room: 2 }
    : { files: 10_000, big: 1024, images: { count: 10, unit: 21 * MIB }, room: 12 };

/**
 * @param {Options} options
 * @returns {BundlesRow[]}
 */
function rows(options) {
  const { files, big, images } = sizes(options);
  const what = {
    files: `${files.toLocaleString('en')} small files`,
    noise: `${big} MiB of noise`,
    text: `${big} MiB of text`,
  };
  const isPeer = hasImgpkg();
  const timed = [
    ...pushRows(what),
    ...copyRows(
      `a bundle of ${images.count} images, ${Math.round(((images.count * 1.25 + 36) * images.unit) / MIB)} MiB,`,
    ),
    ...pullRows(what),
  ]
    .filter(({ id }) => options.only?.test(id) ?? true)
    .map((row) => (isPeer ? { ...row, target: TARGET } : row));
  return [...timed, ...timed.map(memoryRow)];
}

/**
 * @param {BundlesRow} row
 * @returns {BundlesRow}
 */
const memoryRow = ({ id, label }) => ({
  id: `${id}-memory`,
  label: `memory: ${label}`,
  unit: 'MiB',
  better: 'less',
  limit: MEMORY,
  // What a shell takes says nothing of the programs that it runs.
  ...(!hasImgpkg() && { only: ['ocilot', 'versus'] }),
  measure: async (contender, bench) => bench.peak(id, contender),
});

const hasImgpkg = () => firstLine('imgpkg', ['version']) !== undefined;

/**
 * @param {Options} options
 * @param {string} dist
 * @returns {Contender[]}
 */
function contenders({ versus }, dist) {
  return [
    { id: 'ocilot', label: 'ocilot', tool: ocilot(dist) },
    ...(versus === undefined ? [] : [{ id: 'versus', label: 'other build', tool: ocilot(resolve(versus)) }]),
    hasImgpkg()
      ? { id: PEER, label: 'imgpkg', tool: imgpkg }
      : { id: PEER, label: 'bare work (no imgpkg)', tool: floor() },
  ];
}

/**
 * What the rows need, made when they ask for it.
 * @template T
 * @param {{ options: Options, dist: string, folder: string }} run
 * @param {(bench: Bench) => Promise<T>} work
 */
async function withBench({ options, dist, folder }, work) {
  const { files, big, images } = sizes(options);
  const [registry] = contendersOf({ dist, versus: undefined });
  const commands = commandsIn(folder);
  const own = ocilot(dist);
  /** @type {Record<FolderName, (path: string) => Promise<import('./content.mjs').Content>>} */
  const makers = {
    files: (path) => smallFiles(path, files),
    noise: (path) => bigFiles(path, { count: 4, size: (big / 4) * MIB, kind: 'noise' }),
    text: (path) => bigFiles(path, { count: 4, size: (big / 4) * MIB, kind: 'text' }),
  };
  return await withServer(registry, join(folder, 'source'), async (source) => {
    const content = once((/** @type {FolderName} */ name) => makers[name](join(folder, name)));
    const push = async (/** @type {string} */ from, /** @type {string} */ repository) => {
      const reference = `${source.host}/${repository}:v1`;
      const command = own.push({ kind: 'bundle', folder: from, reference });
      await runCommand(...command, await commands.environment());
      return reference;
    };
    return await work({
      folder,
      source,
      content,
      pushed: once(async (/** @type {FolderName} */ name) => {
        const repository = `team/${name}`;
        const reference = await push((await content(name)).folder, repository);
        const layer = join(folder, `${name}.layer`);
        const bytes = await blobAt(source, repository, await layerAt(source, repository, 'v1'));
        await pipeline(bytes, createWriteStream(layer));
        return { reference, layer };
      }),
      bundle: once(async () => {
        const made = await seedIndex(source, 'team/all', join(folder, 'images'), images);
        const index = `${source.host}/team/all@${made.index.digest}`;
        const { folder: bundle } = await bundleOf(join(folder, 'bundle'), [index]);
        return { bundle: await push(bundle, 'team/bundle'), index, content: made };
      }),
      fresh: commands.fresh,
      withServer: (use) => withServer(registry, join(folder, commands.fresh()), use),
      timed: (row, { id }, list) => commands.timed(`${row} ${id}`, list),
      peak: (row, { id }) => commands.peak(`${row} ${id}`),
    });
  });
}

/**
 * A maker whose things are made once.
 * @template {unknown[]} A
 * @template T
 * @param {(...args: A) => Promise<T>} make
 * @returns {(...args: A) => Promise<T>}
 */
function once(make) {
  /** @type {Map<unknown, Promise<T>>} */
  const made = new Map();
  return (...args) => {
    const thing = made.get(args[0]) ?? make(...args);
    made.set(args[0], thing);
    return thing;
  };
}

/**
 * @param {Options} options
 * @returns {Promise<import('../lib/types.js').Report>}
 */
async function run(options) {
  const dist = resolve(options.dist ?? DIST);
  await access(join(dist, 'cli.js'));
  const all = contenders(options, dist);
  if (!hasImgpkg()) process.stderr.write('imgpkg is not on the PATH: ours is shown beside the bare work\n');
  const list = rows(options).map((row) => ({ row, result: resultOf(row) }));
  return await withFolder(options.data, async (folder) => {
    await expectRoom(folder, sizes(options).room);
    await withBench({ options, dist, folder }, (bench) =>
      inTurn(list, all, options.runs ?? (options.quick ? 2 : 5), (row, contender) =>
        row.measure(contender, bench),
      ),
    );
    return {
      contenders: all.map(({ id, label }) => ({ id, label })),
      peer: PEER,
      rows: list.map(({ result }) => result),
      facts: { ...machineFacts(folder), ...peerFacts() },
      notes: hasImgpkg() ? [] : [FLOOR_NOTE],
    };
  });
}

/**
 * @param {string} folder
 * @param {number} wanted GiB
 */
async function expectRoom(folder, wanted) {
  const { bavail, bsize } = await statfs(folder);
  const room = (bavail * bsize) / 1024 ** 3;
  if (room < wanted)
    throw new Error(
      `this suite needs ${wanted} GiB of disk, and there are ${room.toFixed(1)} GiB: name another place with --data`,
    );
}

/** @returns {Record<string, string>} */
function peerFacts() {
  const commands = /** @type {const} */ ([
    ['imgpkg', 'version'],
    ['skopeo', '--version'],
    ['tar', '--version'],
    ['gzip', '--version'],
  ]);
  return Object.fromEntries(
    commands.flatMap(([program, flag]) => {
      const version = /(\d+\.\S+)/.exec(firstLine(program, [flag]) ?? '')?.[1];
      return version === undefined ? [] : [[program, version]];
    }),
  );
}

export const suite = { rows, run };
