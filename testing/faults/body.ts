import { OciError, type ByteStream } from '../../oci/index.js';
import type { AnswerFault } from './fault.js';

/** Pieces that a slowed body comes in, for each second. */
const STEPS = 20;

/**
 * A body with a fault in it.
 * @param size of the whole body, for positions from its end
 * @param pause waits out a stall; rejects when nobody is left
 */
export function faultyBody(
  body: ByteStream,
  fault: Exclude<AnswerFault, { readonly kind: 'throughput' }>,
  size: number,
  pause: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  if (fault.kind === 'bitFlip') {
    const { at = 0, bit = 0 } = fault;
    return flipBit(body, at < 0 ? size + at : at, bit);
  }
  if (fault.kind === 'stall') return pauseAt(body, fault.after, pause);
  return firstBytes(body, fault.after);
}

/**
 * A body that comes no faster than this.
 * @param sleep waits so many milliseconds; rejects when nobody is left
 */
export async function* slowBody(
  body: ByteStream,
  bytesPerSecond: number,
  sleep: (ms: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.floor(bytesPerSecond / STEPS));
  for await (const chunk of body) {
    for (let at = 0; at < chunk.byteLength; at += step) {
      const piece = chunk.subarray(at, at + step);
      await sleep((piece.byteLength / bytesPerSecond) * 1000);
      yield piece;
    }
  }
}

/** The first `limit` bytes; the rest is not asked for. */
async function* firstBytes(body: ByteStream, limit: number): AsyncGenerator<Uint8Array> {
  let left = limit;
  for await (const chunk of body) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left <= 0) return;
  }
}

async function* pauseAt(
  body: ByteStream,
  position: number,
  pause: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let left = position;
  for await (const chunk of body) {
    const here = left >= 0 && left < chunk.byteLength;
    if (here && left > 0) yield chunk.subarray(0, left);
    if (here) await pause();
    yield here ? chunk.subarray(left) : chunk;
    left -= chunk.byteLength;
  }
}

async function* flipBit(body: ByteStream, position: number, bit: number): AsyncGenerator<Uint8Array> {
  let left = position;
  for await (const chunk of body) {
    if (left >= 0 && left < chunk.byteLength) {
      // A copy: the chunk may be what the store itself holds.
      const copy = Uint8Array.from(chunk);
      copy[left] = (chunk[left] ?? 0) ^ (1 << bit);
      yield copy;
    } else yield chunk;
    left -= chunk.byteLength;
  }
}

/** A request body of which the first bytes arrive; then it fails. */
export class CutBody implements ByteStream {
  readonly #source: ByteStream;
  readonly #limit: number;
  #cut = false;

  constructor(source: ByteStream, limit: number) {
    this.#source = source;
    this.#limit = limit;
  }

  /** True once it has failed. */
  get cut(): boolean {
    return this.#cut;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let left = this.#limit;
    for await (const chunk of this.#source) {
      if (left > 0) yield chunk.subarray(0, left);
      left -= chunk.byteLength;
      if (left > 0) continue;
      this.#cut = true;
      throw new OciError('NETWORK', 'a fault rule cut the request off');
    }
  }
}

/**
 * A web stream that takes nothing from its source before it is asked to.
 * @param left called when the reader leaves before the end
 */
export function streamFrom(
  source: ByteStream,
  left: () => Promise<void> = () => Promise.resolve(),
): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const result = await iterator.next();
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      },
      async cancel() {
        await left();
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
