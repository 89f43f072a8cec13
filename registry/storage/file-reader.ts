import { OciError, type ByteRange, type ByteStream } from '../../oci/index.js';
import type { Lent, Lender } from './bytes.js';
import type { FileHandle } from './files.js';

const CHUNK = 1024 * 1024;
/** What a reader makes do with when many read at once. */
const SMALL_CHUNK = 64 * 1024;
/** Buffers a single reader fills ahead of its consumer. */
const AHEAD = 4;
/** Large buffers lent out at once, over all readers of this process. */
const LENT_LIMIT = 48;

let lent = 0;

/** Reads a range of a file and closes it at the end or on return. */
export function readFile(file: FileHandle, range: ByteRange): ByteStream & Lender {
  return {
    [Symbol.asyncIterator]: () => new FileReader(file, range),
    lend: () => lend(file, range),
  };
}

/** Chunks of 1 MiB, one read ahead of the consumer. Every chunk is a buffer of its own. */
class FileReader implements AsyncIterator<Uint8Array, undefined> {
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;
  #ahead: Promise<Uint8Array> | undefined;
  #closed = false;

  constructor(file: FileHandle, { start, end }: ByteRange) {
    this.#file = file;
    this.#position = start;
    this.#end = end + 1;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const chunk = await (this.#ahead ?? this.#read());
      if (chunk === undefined) {
        await this.return();
        return { done: true, value: undefined };
      }
      this.#ahead = this.#read();
      // A failure is met by whoever asks next; nobody may ask.
      this.#ahead?.catch(() => undefined);
      return { done: false, value: chunk };
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#closed) {
      this.#closed = true;
      await this.#ahead?.catch(() => undefined);
      await this.#file.close();
    }
    return { done: true, value: undefined };
  }

  #read(): Promise<Uint8Array> | undefined {
    const length = Math.min(CHUNK, this.#end - this.#position);
    if (length <= 0 || this.#closed) return undefined;
    const at = this.#position;
    this.#position += length;
    return fill(this.#file, Buffer.allocUnsafeSlow(length), at);
  }
}

/**
 * The same bytes in a few buffers that go round: a chunk is only good until it is given back, and the reads of the next
 * ones go on meanwhile. The fastest way from a file to a socket.
 */
async function* lend(file: FileHandle, { start, end }: ByteRange): AsyncGenerator<Lent, void, undefined> {
  const large = lent < LENT_LIMIT;
  const size = Math.min(large ? CHUNK : SMALL_CHUNK, end - start + 1);
  const count = Math.min(large ? AHEAD : 1, Math.ceil((end - start + 1) / size));
  if (large) lent += count;
  const free = Array.from({ length: count }, () => Buffer.allocUnsafeSlow(size));
  const reads: Promise<Lent>[] = [];
  let position = start;
  let wake: (() => void) | undefined;
  const read = (): void => {
    for (let buffer = free.pop(); buffer !== undefined; buffer = free.pop()) {
      if (position > end) return;
      const part = buffer.subarray(0, Math.min(size, end + 1 - position));
      const whole = buffer;
      const give = (): void => {
        free.push(whole);
        read();
        wake?.();
      };
      const filled = fill(file, part, position).then((chunk) => ({ chunk, give }));
      filled.catch(() => undefined);
      reads.push(filled);
      position += part.byteLength;
    }
  };
  try {
    read();
    for (let sent = start; sent <= end;) {
      const next = reads.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const loan = await next;
      sent += loan.chunk.byteLength;
      yield loan;
    }
  } finally {
    position = end + 1;
    await Promise.allSettled(reads);
    if (large) lent -= count;
    await file.close();
  }
}

async function fill(file: FileHandle, buffer: Uint8Array, at: number): Promise<Uint8Array> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const read = await file.read(filled === 0 ? buffer : buffer.subarray(filled), at + filled);
    if (read === 0) throw new OciError('STORE_CORRUPT', 'stored bytes end too early');
    filled += read;
  }
  return buffer;
}
