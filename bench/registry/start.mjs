import { fileURLToPath } from 'node:url';
import { run } from '../lib/processes.mjs';
import { startServer } from './servers.mjs';
import { OURS, kindOf } from './shared.mjs';

const CHILD = fileURLToPath(new URL('start-child.mjs', import.meta.url));

/**
 * One figure of a process that has loaded nothing before.
 * @param {'listening' | 'answer' | 'second'} what
 * @param {'memory' | 'disk'} where
 * @returns {import('./rows.js').AloneRow['alone']}
 */
const inProcess = (what, where) => async (contender, folder) => {
  const kind = where === 'memory' ? where : kindOf(contender);
  return JSON.parse(await run(process.execPath, [CHILD, contender.dist ?? '', kind, folder, what]));
};

/** @returns {import('./rows.js').AloneRow[]} */
export function startRows() {
  return [
    {
      id: 'start',
      label: 'start of a process to the first 200 of /v2/',
      unit: 'ms',
      better: 'less',
      alone: async (contender, folder) => {
        const server = await startServer(contender, folder);
        await server.stop();
        return server.startTime;
      },
    },
    {
      id: 'start-listening',
      label: 'cold import to listening, in memory',
      unit: 'ms',
      better: 'less',
      limit: 50,
      only: OURS,
      alone: inProcess('listening', 'memory'),
    },
    {
      id: 'start-listening-disk',
      label: 'cold import to listening, on an empty folder',
      unit: 'ms',
      better: 'less',
      only: OURS,
      alone: inProcess('listening', 'disk'),
    },
    {
      id: 'start-answer',
      label: 'cold import to the first answer without a socket, in memory',
      unit: 'ms',
      better: 'less',
      limit: 50,
      only: OURS,
      alone: inProcess('answer', 'memory'),
    },
    {
      id: 'start-second',
      label: 'second registry of the process, listening, in memory',
      unit: 'ms',
      better: 'less',
      limit: 2,
      only: OURS,
      alone: inProcess('second', 'memory'),
    },
  ];
}
