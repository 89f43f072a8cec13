// Our gzip encoder against zlib's level 1 on the same bytes: `node bench/image/gzip.mjs [MiB] [rounds] [file ...]`.
// Prints, for each input, both speeds (the median of the rounds, taken in turn, by processor time, so that neighbours
// on the machine disturb less), their ratio, and both sizes.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const MIB = 1 << 20;

/** @returns {Promise<typeof import('../../image/gzip/index.js')>} */
async function load() {
  const entry = fileURLToPath(new URL('../../image/gzip/index.ts', import.meta.url));
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const text = result.outputFiles[0]?.text ?? '';
  return import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
}

/** @param {Buffer} seed @param {number} size */
function repeatTo(seed, size) {
  return Buffer.alloc(size, seed);
}

/** @param {number} size */
function words(size) {
  const list =
    'the of and to in is for layer image blob digest manifest config index tag push pull copy'.split(' ');
  let x = 7;
  let text = '';
  while (text.length < size) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    text += `${list[(x >>> 16) % list.length]} `;
  }
  return Buffer.from(text.slice(0, size));
}

/** @param {number} size */
function random(size) {
  const bytes = Buffer.alloc(size);
  let x = 9;
  for (let at = 0; at < size; at++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[at] = x >>> 24;
  }
  return bytes;
}

/** @param {() => number} work @returns {{ seconds: number, size: number }} */
function timed(work) {
  const start = process.cpuUsage();
  const size = work();
  const { user, system } = process.cpuUsage(start);
  return { seconds: (user + system) / 1e6, size };
}

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const { GzipEncoder } = await load();

/** @param {Buffer} input */
function ours(input) {
  const encoder = new GzipEncoder();
  let size = 0;
  for (let at = 0; at < input.length; at += MIB) {
    for (const chunk of encoder.push(input.subarray(at, at + MIB))) size += chunk.length;
  }
  for (const chunk of encoder.end()) size += chunk.length;
  return size;
}

const [mebibytes = '16', rounds = '5', ...files] = process.argv.slice(2);
const size = Number(mebibytes) * MIB;
/** @type {[string, Buffer][]} */
const inputs = [
  ['the node binary', readFileSync(process.execPath).subarray(0, size)],
  [
    'sources',
    repeatTo(readFileSync(new URL('../../node_modules/fast-check/lib/fast-check.js', import.meta.url)), size),
  ],
  ['words', words(size)],
  ['zeros', Buffer.alloc(size)],
  ['random', random(size)],
  ...files.map((file) => /** @type {[string, Buffer]} */ ([file, readFileSync(file)])),
];

for (const [name, input] of inputs) {
  /** @type {{ ours: number[], zlib: number[] }} */
  const seconds = { ours: [], zlib: [] };
  let sizes = { ours: 0, zlib: 0 };
  for (let round = 0; round <= Number(rounds); round++) {
    const mine = timed(() => ours(input));
    const theirs = timed(() => gzipSync(input, { level: 1, chunkSize: MIB }).length);
    sizes = { ours: mine.size, zlib: theirs.size };
    // The first round warms up.
    if (round === 0) continue;
    seconds.ours.push(mine.seconds);
    seconds.zlib.push(theirs.seconds);
  }
  const speed = (/** @type {number[]} */ times) =>
    (input.length / MIB / median(times)).toFixed(0).padStart(5);
  const ratio = (median(seconds.zlib) / median(seconds.ours)).toFixed(2);
  console.log(
    `${name.padEnd(20)} ours ${speed(seconds.ours)} MiB/s, zlib level 1 ${speed(seconds.zlib)} MiB/s, ratio ${ratio}; sizes ${sizes.ours} and ${sizes.zlib}`,
  );
}
