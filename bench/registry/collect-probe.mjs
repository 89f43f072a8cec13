// Asks a server for `/v2/` and for a manifest, each about 300 times a second, and tells its parent the longest waits.
import { Wire } from '../lib/wire.mjs';

const [url = '', path = ''] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const PAUSE = 2;
const state = { on: false };
/** @type {Record<string, number>} */
let longest = {};
/** Requests that were on their way when they were stopped still count. @type {Promise<void>[]} */
let loops = [];

process.once('disconnect', () => process.exit(0));

/**
 * @param {string} name
 * @param {Wire} wire
 * @param {string} target
 */
async function ask(name, wire, target) {
  while (state.on) {
    const started = performance.now();
    const { status } = await wire.send({ method: 'GET', path: target });
    if (status !== 200) throw new Error(`GET ${target} was answered with ${status}`);
    longest[name] = Math.max(longest[name] ?? 0, performance.now() - started);
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

const wires = { ping: new Wire(hostname, Number(port)), manifest: new Wire(hostname, Number(port)) };
const targets = { ping: '/v2/', manifest: path };
// Code that has never run is slow everywhere.
for (let count = 0; count < 300; count++) {
  await wires.ping.send({ method: 'GET', path: targets.ping });
  await wires.manifest.send({ method: 'GET', path: targets.manifest });
}
process.on('message', (order) => {
  void (async () => {
    if (order === 'start') {
      state.on = true;
      longest = {};
      loops = [ask('ping', wires.ping, targets.ping), ask('manifest', wires.manifest, targets.manifest)];
      process.send?.({});
    } else {
      state.on = false;
      await Promise.all(loops);
      process.send?.(longest);
    }
  })();
});
process.send?.({});
