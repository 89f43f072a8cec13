// Serves a registry that collects: `node collect-child.mjs DIST KIND FOLDER unreferenced|referenced COUNT`.
// Prints blobs a second, and in milliseconds how long the collection, and each of 2 seconds without one, kept others waiting.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { refer, seedBlobs, seedManifest } from './seeding.mjs';

const PROBE = fileURLToPath(new URL('collect-probe.mjs', import.meta.url));
const REPOSITORY = 'bench/collect';
const TAG = 'kept';
const HOUR = 3_600_000;
/** Longest that a collection may take, in milliseconds. */
const PATIENCE = 180_000;
const pause = (/** @type {number} */ time) => new Promise((done) => setTimeout(done, time));

const [dist = '', kind = 'auto', folder = '', what = 'unreferenced', count = '0'] = process.argv.slice(2);
const { createRegistry, listen } = await import(pathToFileURL(join(resolve(dist), 'registry.js')).href);
let ahead = 0;
const registry = await createRegistry({
  storage: { kind, folder },
  collection: { every: 0 },
  now: () => Date.now() + ahead,
});
const started = performance.now();
const { store } = registry;
await seedManifest(store, REPOSITORY, TAG);
const blobs = await seedBlobs(store, REPOSITORY, Number(count));
if (what === 'referenced') await refer(store, REPOSITORY, blobs);
console.error(`${count} blobs seeded in ${((performance.now() - started) / 1000).toFixed(1)} s`);
// Every lease is over.
ahead = 2 * HOUR;
const server = await listen(registry, { port: 0 });

const probe = fork(PROBE, [server.url, `/v2/${REPOSITORY}/manifests/${TAG}`]);
const exited = once(probe, 'exit').then(() => Promise.reject(new Error('the probe has ended')));
exited.catch(() => undefined);
/**
 * What the probe says next.
 * @returns {Promise<{ ping: number, manifest: number }>}
 */
const heard = async () => (await Promise.race([once(probe, 'message'), exited]))[0];
await heard();

const delay = monitorEventLoopDelay({ resolution: 1 });

/**
 * The longest waits while work is under way, from inside and from outside.
 * @param {() => Promise<unknown>} work
 */
async function watched(work) {
  probe.send('start');
  await heard();
  delay.reset();
  delay.enable();
  // The monitor only sees a block that begins after its own first tick.
  await pause(20);
  await work();
  await pause(20);
  delay.disable();
  probe.send('stop');
  return { block: delay.max / 1e6, ...(await heard()) };
}

const idle = await watched(() => pause(2000));
let seconds = 0;
const busy = await watched(async () => {
  const begun = performance.now();
  const signal = AbortSignal.timeout(PATIENCE);
  const report = await registry.collect({ signal }).catch((/** @type {unknown} */ error) => {
    if (!signal.aborted) throw error;
    throw new Error(`collection over ${count} blobs took longer than ${PATIENCE / 1000} s`);
  });
  seconds = (performance.now() - begun) / 1000;
  const expected = what === 'referenced' ? 0 : Number(count);
  if (report.blobs !== expected)
    throw new Error(`${report.blobs} blobs were collected, expected ${expected}`);
});
for (const { digest } of blobs.filter((_, index) => index % 1000 === 0)) {
  const there = (await store.blobs.stat(REPOSITORY, digest)) !== undefined;
  if (there !== (what === 'referenced')) throw new Error(`${digest} is ${there ? 'still there' : 'gone'}`);
}
console.log(
  JSON.stringify({
    rate: Number(count) / seconds,
    block: busy.block,
    ping: busy.ping,
    manifest: busy.manifest,
    idleBlock: idle.block,
    idlePing: idle.ping,
  }),
);
probe.removeAllListeners('exit');
probe.disconnect();
await server.close();
await registry.close();
process.exit(0);
