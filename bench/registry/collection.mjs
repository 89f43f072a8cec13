import { fileURLToPath } from 'node:url';
import { OURS, kindOf, sharedRun } from './shared.mjs';

const CHILD = fileURLToPath(new URL('collect-child.mjs', import.meta.url));
/** Longest that a collection may keep a request waiting, in milliseconds. */
const GOAL = 50;

/**
 * @param {'unreferenced' | 'referenced'} what
 * @param {number} count
 */
const collection = (what, count) =>
  sharedRun((contender, folder) => [
    CHILD,
    contender.dist ?? '',
    kindOf(contender),
    folder,
    what,
    String(count),
  ]);

/**
 * How fast a collection is, and how long it keeps requests waiting.
 * @param {{ quick: boolean }} options
 * @returns {import('./rows.js').AloneRow[]}
 */
export function collectionRows({ quick }) {
  const large = quick ? 10_000 : 100_000;
  const many = large.toLocaleString('en');
  const few = collection('unreferenced', 1000);
  const all = collection('unreferenced', large);
  const none = collection('referenced', large);
  const common = { only: OURS, rounds: 2 };
  /** @type {(id: string, label: string, alone: import('./rows.js').AloneRow['alone']) => import('./rows.js').AloneRow} */
  const rate = (id, label, alone) => ({ id, label, unit: 'blobs/s', better: 'more', ...common, alone });
  /** @type {typeof rate} */
  const wait = (id, label, alone) => ({
    id,
    label,
    unit: 'ms',
    better: 'less',
    limit: GOAL,
    ...common,
    alone,
  });
  return [
    rate('collect-few', 'collection of 1,000 blobs that nothing needs', few('rate')),
    rate('collect', `collection of ${many} blobs that nothing needs`, all('rate')),
    wait('collect-block', 'longest block of the event loop meanwhile', all('block')),
    wait('collect-ping', 'longest GET /v2/ meanwhile', all('ping')),
    wait('collect-manifest', 'longest GET of a manifest meanwhile', all('manifest')),
    rate('collect-none', `collection over ${many} blobs that are needed`, none('rate')),
    wait('collect-none-block', 'longest block of the event loop meanwhile', none('block')),
    wait('collect-none-ping', 'longest GET /v2/ meanwhile', none('ping')),
    wait('collect-none-manifest', 'longest GET of a manifest meanwhile', none('manifest')),
    {
      ...wait('collect-idle-block', 'the same block without a collection', none('idleBlock')),
      limit: undefined,
    },
    {
      ...wait('collect-idle-ping', 'the same GET /v2/ without a collection', none('idlePing')),
      limit: undefined,
    },
  ];
}
