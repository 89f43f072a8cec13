import { freshBlob } from '../lib/content.mjs';
import { pull, pushStreamed, pushWhole, verify } from './protocol.mjs';

const MIB = 1024 * 1024;
const REPOSITORY = 'bench/transfers';
const BIG = 'big blob';

/** @typedef {import('./servers.mjs').Server} Server */
/** @typedef {import('./rows.js').ServedRow} ServedRow */
/** @typedef {import('../lib/content.mjs').Blob} Blob */

/**
 * Seconds that work takes over connections of its own.
 * @param {Server} server
 * @param {number} connections
 * @param {(wires: readonly import('../lib/wire.mjs').Wire[]) => Promise<unknown>} work
 */
export async function timed(server, connections, work) {
  const wires = Array.from({ length: connections }, () => server.connect());
  try {
    // The connections are open before the clock starts.
    await Promise.all(wires.map((wire) => wire.send({ method: 'GET', path: '/v2/' })));
    const started = performance.now();
    await work(wires);
    return (performance.now() - started) / 1000;
  } finally {
    for (const wire of wires) wire.close();
  }
}

/**
 * Pushes blobs of their own over as many connections and verifies each.
 * @param {Server} server
 * @param {readonly Blob[]} blobs
 * @param {typeof pushWhole} push
 */
async function pushes(server, blobs, push) {
  const seconds = await timed(server, blobs.length, (wires) =>
    Promise.all(wires.map((wire, index) => push(wire, REPOSITORY, blobs[index]))),
  );
  await timed(server, 1, async ([wire]) => {
    for (const blob of blobs) await verify(wire, REPOSITORY, blob);
  });
  return blobs.reduce((sum, { size }) => sum + size, 0) / 1e6 / seconds;
}

/**
 * @param {Server} server
 * @param {number} count
 */
async function smallPushes(server, count) {
  const blobs = Array.from({ length: count }, () => freshBlob(4096));
  const seconds = await timed(server, 8, async (wires) => {
    let next = 0;
    await Promise.all(
      wires.map(async (wire) => {
        for (let blob = blobs[next++]; blob !== undefined; blob = blobs[next++])
          await pushWhole(wire, REPOSITORY, blob);
      }),
    );
  });
  await timed(server, 1, async ([wire]) => {
    for (const blob of blobs.filter((_, index) => index % 50 === 0)) {
      await verify(wire, REPOSITORY, blob);
    }
  });
  return count / seconds;
}

/**
 * Code that has never run is slow everywhere, and every `fresh` row meets a new process.
 * @param {Server} server
 */
async function warmUp(server) {
  await pushes(server, [freshBlob(16 * MIB), freshBlob(16 * MIB)], pushStreamed);
  await pushes(server, [freshBlob(16 * MIB), freshBlob(16 * MIB)], pushWhole);
  await smallPushes(server, 100);
}

/**
 * @param {{ quick: boolean }} options
 * @returns {ServedRow[]}
 */
export function transferRows({ quick }) {
  const big = quick ? 128 : 512;
  const four = quick ? 32 : 128;
  const count = quick ? 500 : 2000;
  return [
    {
      id: 'push-streamed',
      fresh: true,
      prepare: warmUp,
      label: `push of ${big} MiB: POST, chunked PATCH, PUT`,
      unit: 'MB/s',
      better: 'more',
      target: 2,
      measure: (server) => pushes(server, [freshBlob(big * MIB)], pushStreamed),
    },
    {
      id: 'push-whole',
      fresh: true,
      prepare: warmUp,
      label: `push of ${big} MiB: POST, PUT`,
      unit: 'MB/s',
      better: 'more',
      target: 2,
      measure: (server) => pushes(server, [freshBlob(big * MIB)], pushWhole),
    },
    {
      id: 'pull',
      label: `pull of ${big} MiB`,
      unit: 'MB/s',
      better: 'more',
      target: 1.1,
      prepare: async (server) => {
        const blob = freshBlob(big * MIB);
        await pushes(server, [blob], pushWhole);
        server.state.set(BIG, blob);
      },
      measure: async (server) => {
        const blob = /** @type {Blob} */ (server.state.get(BIG));
        return blob.size / 1e6 / (await timed(server, 1, ([wire]) => pull(wire, REPOSITORY, blob)));
      },
    },
    {
      id: 'push-four',
      fresh: true,
      prepare: warmUp,
      label: `four pushes of ${four} MiB at once`,
      unit: 'MB/s',
      better: 'more',
      target: 2,
      measure: (server) =>
        pushes(
          server,
          Array.from({ length: 4 }, () => freshBlob(four * MIB)),
          pushStreamed,
        ),
    },
    {
      id: 'push-small',
      fresh: true,
      prepare: warmUp,
      label: `${count} pushes of 4 KiB, 8 connections`,
      unit: 'blobs/s',
      better: 'more',
      target: 2,
      measure: (server) => smallPushes(server, count),
    },
  ];
}
