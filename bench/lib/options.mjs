import { parseArgs } from 'node:util';

/**
 * @typedef {object} Options
 * @property {string | undefined} suite
 * @property {boolean} help
 * @property {boolean} list
 * @property {RegExp | undefined} only
 * @property {number | undefined} runs rounds; every contender has its turn in each
 * @property {boolean} json
 * @property {boolean} quick smaller content and fewer rounds
 * @property {boolean} record
 * @property {string | undefined} results file to write the section to instead of bench/RESULTS.md
 * @property {string | undefined} data folder for what the servers store
 * @property {string | undefined} dist build to measure instead of this checkout's
 * @property {string | undefined} versus another build that takes part, to compare two states of the source
 */

export const USAGE = `Usage: npm run bench -- SUITE [options]

  --list           show the rows of a suite
  --only PATTERN   only rows whose id matches (a regular expression)
  --runs N         rounds; every contender has its turn in each
  --quick          smaller content, fewer rounds
  --json           print samples as JSON
  --record         rewrite the suite's section of bench/RESULTS.md
  --results FILE   write that section into another file; goes with every other option
  --data DIR       where servers store; must be on the disk to be measured
  --dist DIR       measure this build instead of dist/
  --versus DIR     let another build take part as well`;

/**
 * @param {readonly string[]} args
 * @returns {Options}
 */
export function parseOptions(args) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      list: { type: 'boolean', default: false },
      only: { type: 'string' },
      runs: { type: 'string' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      results: { type: 'string' },
      data: { type: 'string' },
      dist: { type: 'string' },
      versus: { type: 'string' },
    },
  });
  if (positionals.length > 1) throw new Error(`one suite at a time, not ${positionals.join(' and ')}`);
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  if (runs !== undefined && !(Number.isInteger(runs) && runs > 0 && runs <= 100)) {
    throw new Error(`--runs ${values.runs} is not a number from 1 to 100`);
  }
  const partial = values.quick || (values.dist ?? values.versus ?? values.only) !== undefined;
  if (values.record && partial) {
    throw new Error(
      '--record is for whole runs of this checkout, without --quick, --dist, --versus and --only: see --results',
    );
  }
  return {
    ...values,
    suite: positionals[0],
    only: values.only === undefined ? undefined : new RegExp(values.only),
    runs,
    results: values.results,
    data: values.data,
    dist: values.dist,
    versus: values.versus,
  };
}
