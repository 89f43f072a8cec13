import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandsIn } from '../lib/commands.mjs';
import { withFolder } from '../lib/folder.mjs';
import { firstLine, machineFacts } from '../lib/machine.mjs';
import { inTurn, resultOf } from '../lib/rounds.mjs';
import { contendersOf } from '../registry/servers.mjs';
import { appendRows } from './append.mjs';
import { bigImage, sharingImages } from './content.mjs';
import { REPOSITORIES, copyRows } from './copies.mjs';
import { latencyRows } from './latency.mjs';
import { seed, withServer } from './places.mjs';
import { ocilot, peers } from './tools.mjs';

/** @typedef {import('../lib/options.mjs').Options} Options */
/** @typedef {import('./rows.js').Bench} Bench */
/** @typedef {import('./rows.js').Contender} Contender */
/** @typedef {import('./rows.js').ImagesRow} ImagesRow */

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const MIB = 1024 * 1024;
const PEER = 'peer';

/** @param {Options} options */
const sizes = ({ quick }) =>
  quick
    ? { count: 10, unit: MIB / 8, big: 128 * MIB, append: 64 }
    : { count: 30, unit: MIB, big: 2048 * MIB, append: 1024 };

/**
 * @param {Options} options
 * @returns {ImagesRow[]}
 */
function rows(options) {
  const { count, big, append } = sizes(options);
  const all = [
    ...copyRows({
      images: `${count} images that share layers`,
      big: `an image of one layer of ${big / MIB} MiB`,
    }),
    ...appendRows(append),
    memoryRow,
    ...latencyRows(),
  ];
  return all.filter(({ id }) => options.only?.test(id) ?? true);
}

/** @type {ImagesRow} */
const memoryRow = {
  id: 'memory',
  label: 'highest resident memory, all rows above',
  unit: 'MiB',
  better: 'less',
  limit: 256,
  measure: async (_tool, contender, bench) => bench.peak(contender),
};

/**
 * The best of the ways that a contender has to do a row's work.
 * @param {ImagesRow} row
 * @param {Contender} contender
 * @param {Bench} bench
 */
async function measure(row, contender, bench) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const tool of contender.tools) {
    const value = await row.measure(tool, contender, bench);
    if (value !== undefined) found.set(tool.id, value);
  }
  if (found.size === 0) throw new Error('it has no way to do this');
  if (found.size > 1) {
    const shown = [...found].map(([id, value]) => `${id} ${value.toFixed(2)}`);
    process.stderr.write(`  ${row.id.padEnd(22)} ${''.padEnd(16)} ${shown.join(', ')} ${row.unit}\n`);
  }
  return Math.min(...found.values());
}

/**
 * @param {Options} options
 * @param {string} dist
 * @returns {Contender[]}
 */
function contenders({ versus }, dist) {
  const others = peers();
  if (others.length === 0) throw new Error('skopeo is not installed: there is nothing to compare with');
  const programs = [...new Set(others.map(({ id }) => id.split(' ')[0]))];
  return [
    { id: 'ocilot', label: 'ocilot', tools: [ocilot(dist)] },
    ...(versus === undefined
      ? []
      : [{ id: 'versus', label: 'other build', tools: [ocilot(resolve(versus))] }]),
    { id: PEER, label: programs.join(' or '), tools: others },
  ];
}

/**
 * What the rows need, made on the spot.
 * @template T
 * @param {{ options: Options, dist: string, folder: string }} run
 * @param {(bench: Bench) => Promise<T>} work
 */
async function withBench({ options, dist, folder }, work) {
  const { count, unit, big } = sizes(options);
  const layouts = {
    images: await sharingImages(join(folder, 'images'), { count, unit }),
    big: await bigImage(join(folder, 'big'), big),
  };
  const [registry] = contendersOf({ dist, versus: undefined });
  const commands = commandsIn(folder);
  return await withServer(registry, join(folder, 'source'), async (source) => {
    await seed(source, REPOSITORIES.images, layouts.images);
    await seed(source, REPOSITORIES.big, layouts.big);
    return await work({
      folder,
      source,
      ...layouts,
      fresh: commands.fresh,
      withServer: (use) => withServer(registry, join(folder, commands.fresh()), use),
      environment: commands.environment,
      timed: ({ id }, list) => commands.timed(id, list),
      peak: ({ id }) => commands.peak(id),
    });
  });
}

/**
 * @param {Options} options
 * @returns {Promise<import('../lib/types.js').Report>}
 */
async function run(options) {
  const dist = resolve(options.dist ?? DIST);
  await access(join(dist, 'cli.js'));
  const all = contenders(options, dist);
  const list = rows(options).map((row) => ({ row, result: resultOf(row) }));
  const rounds = options.runs ?? (options.quick ? 2 : 5);
  return await withFolder(options.data, async (folder) => {
    await withBench({ options, dist, folder }, async (bench) => {
      await inTurn(list, all, rounds, (row, contender) => measure(row, contender, bench));
    });
    return {
      contenders: all.map(({ id, label }) => ({ id, label })),
      peer: PEER,
      rows: list.map(({ result }) => result),
      facts: { ...machineFacts(folder), ...peerFacts() },
      notes: [
        'Of the ways that the peers have to do the work of a row the fastest counts: `skopeo copy` for each image, `skopeo sync`, `crane` where it is installed; an append is `umoci insert` and `skopeo copy`.',
      ],
    };
  });
}

/** @returns {Record<string, string>} */
function peerFacts() {
  const commands = /** @type {const} */ ([
    ['skopeo', '--version'],
    ['umoci', '--version'],
    ['crane', 'version'],
  ]);
  return Object.fromEntries(
    commands.flatMap(([program, flag]) => {
      const version = /(\d+\.\S+)/.exec(firstLine(program, [flag]) ?? '')?.[1];
      return version === undefined ? [] : [[program, version]];
    }),
  );
}

export const suite = { rows, run };
