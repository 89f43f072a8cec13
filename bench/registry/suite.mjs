import { access, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFolder } from '../lib/folder.mjs';
import { firstLine, has, machineFacts, settle } from '../lib/machine.mjs';
import { resultOf, rotated, sample } from '../lib/rounds.mjs';
import { collectionRows } from './collection.mjs';
import { growthRows } from './growth.mjs';
import { memoryRows } from './memory.mjs';
import { readRows } from './reads.mjs';
import { PEER, contendersOf, startServer } from './servers.mjs';
import { skopeoRows } from './skopeo.mjs';
import { startRows } from './start.mjs';
import { transferRows } from './transfers.mjs';

/** @typedef {import('../lib/options.mjs').Options} Options */
/** @typedef {import('../lib/types.js').Result} Result */
/** @typedef {import('./servers.mjs').Contender} Contender */
/** @typedef {import('./rows.js').ServedRow | import('./rows.js').AloneRow} AnyRow */

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

/**
 * @param {Options} options
 * @returns {AnyRow[]}
 */
function rows(options) {
  const all = [
    ...transferRows(options),
    ...skopeoRows(options),
    ...readRows(options),
    ...memoryRows(options),
    ...startRows(),
    ...growthRows(options),
    ...collectionRows(options),
  ];
  return all.filter(({ id }) => options.only?.test(id) ?? true);
}

/**
 * One sample of a row, on the server of the round or on one of its own.
 * @param {AnyRow} row
 * @param {Contender} contender
 * @param {import('./servers.mjs').Server | undefined} standing
 * @param {string} folder
 */
async function measure(row, contender, standing, folder) {
  const own = await mkdtemp(join(folder, 'alone-'));
  if ('alone' in row || row.fresh === true) settle(folder);
  try {
    if ('alone' in row) return await row.alone(contender, own);
    const server =
      row.fresh === true || standing === undefined ? await startServer(contender, own) : standing;
    try {
      await row.prepare?.(server);
      return await row.measure(server);
    } finally {
      if (server !== standing) {
        standing?.notePeak(server.process.peakMemory());
        await server.stop();
      }
    }
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/**
 * One round: each row on every contender in turn.
 * @param {readonly { row: AnyRow, result: Result }[]} list
 * @param {readonly Contender[]} contenders
 * @param {string} folder
 * @param {number} round
 */
async function runRound(list, contenders, folder, round) {
  const served = list.some(({ row }) => 'measure' in row && row.fresh !== true);
  /** @type {Map<string, import('./servers.mjs').Server>} */
  const servers = new Map();
  try {
    if (served) {
      for (const contender of contenders) {
        servers.set(contender.id, await startServer(contender, join(folder, `${round}-${contender.id}`)));
      }
    }
    for (const [index, { row, result }] of list.entries()) {
      if (round >= (row.rounds ?? Infinity)) continue;
      for (const contender of rotated(contenders, round + index)) {
        if (row.only?.includes(contender.id) === false) continue;
        await sample(result, contender, () => measure(row, contender, servers.get(contender.id), folder));
      }
    }
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

/**
 * @param {Options} options
 * @returns {Promise<import('../lib/types.js').Report>}
 */
async function run(options) {
  if (!has('docker-registry'))
    throw new Error('docker-registry is not installed: there is nothing to compare with');
  const dist = resolve(options.dist ?? DIST);
  await access(join(dist, 'registry.js'));
  const contenders = contendersOf({
    dist,
    versus: options.versus === undefined ? undefined : resolve(options.versus),
  });
  const list = rows(options).map((row) => ({ row, result: resultOf(row) }));
  const active = list.filter(({ row }) => row.skip === undefined);
  const rounds = options.runs ?? (options.quick ? 2 : 5);
  return await withFolder(options.data, async (folder) => {
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
      await runRound(active, contenders, folder, round);
    }
    return {
      contenders: contenders.map(({ id, label }) => ({ id, label })),
      peer: PEER,
      rows: list.map(({ result }) => result),
      facts: { ...machineFacts(folder), ...peerFacts() },
      notes: [
        'memory: with `--blobs leveldb`, LevelDB maps its tables, and what is mapped counts as resident though the system can take it back at any time; 150 MiB at most were of the process itself (`RssAnon`, looked at each second)',
      ],
    };
  });
}

/** @returns {Record<string, string>} */
function peerFacts() {
  const version = /(\d+\.\S+)/.exec(firstLine('docker-registry', ['--version']) ?? '')?.[1];
  const wrk = /wrk \S*?(\d+\.\S+)/.exec(firstLine('wrk', ['--version']) ?? '')?.[1];
  const skopeo = /(\d+\.\S+)/.exec(firstLine('skopeo', ['--version']) ?? '')?.[1];
  return {
    'docker-registry': version ?? 'unknown',
    ...(wrk === undefined ? {} : { wrk }),
    ...(skopeo === undefined ? {} : { skopeo }),
  };
}

export const suite = { rows, run };
