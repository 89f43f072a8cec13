import { run } from '../lib/processes.mjs';

/** Contenders that are builds of ours. */
export const OURS = ['auto', 'versus', 'leveldb'];

/**
 * Rows that take one figure each from one and the same run of a child, which prints them all as JSON. A figure is given
 * once; who asks for it again makes a new run.
 * @param {(contender: import('./servers.mjs').Contender, folder: string) => readonly string[]} command arguments for node
 * @returns {(figure: string) => import('./rows.js').AloneRow['alone']}
 */
export function sharedRun(command) {
  /** @type {Map<string, { given: Set<string>, figures: Promise<Record<string, number>> }>} */
  const runs = new Map();
  return (figure) => async (contender, folder) => {
    let last = runs.get(contender.id);
    // A run that failed fails for each of its figures: it is not tried again for the next one.
    if (last === undefined || last.given.has(figure)) {
      const figures = run(process.execPath, command(contender, folder)).then((out) => JSON.parse(out));
      last = { given: new Set(), figures };
      runs.set(contender.id, last);
    }
    last.given.add(figure);
    return (await last.figures)[figure] ?? Number.NaN;
  };
}

/**
 * The kind of storage of one of our contenders.
 * @param {import('./servers.mjs').Contender} contender
 */
export const kindOf = ({ id }) => (id === 'leveldb' ? id : 'auto');
