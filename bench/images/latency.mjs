import { join } from 'node:path';
import { measured, run } from '../lib/processes.mjs';
import { median } from '../lib/statistics.mjs';
import { REPOSITORIES } from './copies.mjs';

/** @typedef {import('./rows.js').ImagesRow} ImagesRow */
/** @typedef {import('./tools.mjs').Tool} Tool */

/** Processes that a sample is the median of. */
const PROCESSES = 15;

/**
 * Milliseconds of a command that is run again and again.
 * @param {import('./tools.mjs').Command} command
 * @param {Record<string, string>} variables
 */
async function latency([program, args], variables) {
  const times = [];
  for (let index = 0; index < PROCESSES; index++)
    times.push((await measured(program, args, variables)).seconds * 1000);
  return median(times);
}

/**
 * How often bare node fits into a command of node's, the two taken in turn.
 * @param {readonly string[]} args
 * @param {Record<string, string>} variables
 */
async function timesNode(args, variables) {
  const ours = [];
  const bare = [];
  for (let index = 0; index < PROCESSES; index++) {
    bare.push((await measured(process.execPath, ['-e', '0'], variables)).seconds);
    ours.push((await measured(process.execPath, args, variables)).seconds);
  }
  return median(ours) / median(bare);
}

/**
 * @param {string} id
 * @param {string} label
 * @param {(tool: Tool, host: string) => import('./tools.mjs').Command | undefined} commandOf
 * @param {(said: string, bench: import('./rows.js').Bench) => boolean} isRight
 * @returns {ImagesRow}
 */
const latencyRow = (id, label, commandOf, isRight) => ({
  id,
  label,
  unit: 'ms',
  better: 'less',
  measure: async (tool, _contender, bench) => {
    const command = commandOf(tool, bench.source.host);
    if (command === undefined) return undefined;
    const variables = await bench.environment();
    const said = await run(...command, variables);
    if (!isRight(said, bench)) throw new Error(`${tool.id} says something else`);
    return await latency(command, variables);
  },
});

/**
 * @param {string} id
 * @param {string} label
 * @param {number} limit
 * @param {(host: string) => readonly string[]} args of our program
 * @returns {ImagesRow}
 */
const startRow = (id, label, limit, args) => ({
  id,
  label,
  unit: '× node -e 0',
  better: 'less',
  limit,
  only: ['ocilot', 'versus'],
  measure: async ({ dist }, _contender, { source, environment }) =>
    dist === undefined
      ? undefined
      : await timesNode([join(dist, 'cli.js'), ...args(source.host)], await environment()),
});

/** @returns {ImagesRow[]} */
export function latencyRows() {
  const repository = (/** @type {string} */ host) => `${host}/${REPOSITORIES.images}`;
  const image = (/** @type {string} */ host) => `${repository(host)}:v0`;
  return [
    latencyRow(
      'digest',
      'digest of a tag',
      (tool, host) => tool.digest(image(host)),
      (said, { images }) => said.trim() === images.images[0]?.digest,
    ),
    latencyRow(
      'manifest',
      'manifest of a tag',
      (tool, host) => tool.manifest(image(host)),
      (said) => JSON.parse(said).schemaVersion === 2,
    ),
    latencyRow(
      'ls',
      'list of tags',
      (tool, host) => tool.list(repository(host)),
      (said, { images }) => images.images.every(({ tag }) => said.includes(tag)),
    ),
    startRow('start-version', 'ocilot version', 1.5, () => ['version']),
    startRow('start-digest', 'ocilot image digest on a local registry', 3, (host) => [
      'image',
      'digest',
      image(host),
    ]),
  ];
}
