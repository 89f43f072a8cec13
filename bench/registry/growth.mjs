import { fileURLToPath } from 'node:url';
import { OURS, kindOf, sharedRun } from './shared.mjs';

const CHILD = fileURLToPath(new URL('growth-child.mjs', import.meta.url));
const LISTS = {
  tags: 'tags of one repository',
  catalog: 'repositories',
  referrers: 'referrers of one manifest',
};
/** A hundred times the content may make a page so many times as slow: its search is deeper, and no more. */
const GOAL = 2;

/**
 * How much longer a page takes when there is much more to choose from.
 * @param {{ quick: boolean }} options
 * @returns {import('./rows.js').AloneRow[]}
 */
export function growthRows({ quick }) {
  const small = 1000;
  const large = quick ? 10_000 : 100_000;
  return Object.entries(LISTS).flatMap(([list, what]) => {
    const figure = sharedRun((contender, folder) => [
      CHILD,
      contender.dist ?? '',
      kindOf(contender),
      folder,
      list,
      String(small),
      String(large),
    ]);
    return ['first', 'middle', 'last'].map((page) => ({
      id: `growth-${list}-${page}`,
      label: `${page} 100 of ${large.toLocaleString('en')} ${what}, against of ${small.toLocaleString('en')}`,
      unit: 'times as long',
      better: /** @type {const} */ ('less'),
      limit: GOAL,
      rounds: 2,
      only: OURS,
      alone: figure(page),
    }));
  });
}
