import { freshBlob } from '../lib/content.mjs';
import { pushStreamed } from './protocol.mjs';
import { startServer } from './servers.mjs';
import { timed } from './transfers.mjs';

const GIB = 1024 ** 3;

/**
 * @param {{ quick: boolean }} options
 * @returns {(import('./rows.js').AloneRow | import('./rows.js').ServedRow)[]}
 */
export function memoryRows({ quick }) {
  return [
    {
      id: 'memory-after',
      label: 'highest resident memory, all rows above',
      unit: 'MiB',
      better: 'less',
      measure: async (server) => server.peakMemory,
    },
    {
      id: 'memory-push',
      label: 'highest resident memory, four pushes of 1 GiB at once',
      unit: 'MiB',
      better: 'less',
      limit: 200,
      ...(quick ? { skip: 'not with --quick' } : {}),
      alone: async (contender, folder) => {
        const server = await startServer(contender, folder);
        try {
          const blobs = Array.from({ length: 4 }, () => freshBlob(GIB));
          await timed(server, 4, (wires) =>
            Promise.all(wires.map((wire, index) => pushStreamed(wire, 'bench/memory', blobs[index]))),
          );
          return server.process.peakMemory();
        } finally {
          await server.stop();
        }
      },
    },
  ];
}
