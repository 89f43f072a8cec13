import { parentPort } from 'node:worker_threads';
import { GzipBlocks } from './blocks.js';
import { replay } from './recorder.js';
import type { Order, Packed } from './thread.js';

// What runs in the thread of `gzip`: the build puts it, with all that it needs, into one text.
const blocks = new GzipBlocks();
parentPort?.on('message', ({ piece, last }: Order) => {
  replay(piece, blocks);
  if (last) blocks.end();
  const packed: Packed = { chunks: blocks.output(last), memory: piece.memory };
  parentPort?.postMessage(packed, [
    packed.memory,
    ...packed.chunks.map(({ buffer }) => buffer as ArrayBuffer),
  ]);
});
