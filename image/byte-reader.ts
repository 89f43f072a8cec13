import type { ByteStream } from '../oci/index.js';

/** Reads a stream by counts of bytes. What it gives are views of the source's chunks where possible. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(source: ByteStream) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** From 1 to `most` bytes, as they come; undefined at the end of the source. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      if (this.#ended) return undefined;
      const { done, value } = await this.#source.next();
      if (done === true) this.#ended = true;
      else this.#chunk = value;
    }
    const taken = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  /** Exactly `count` bytes, or fewer where the source ends before. */
  async take(count: number): Promise<Uint8Array> {
    const first = (count > 0 ? await this.some(count) : undefined) ?? new Uint8Array(0);
    if (first.length === count || first.length === 0) return first;
    const whole = new Uint8Array(count);
    whole.set(first);
    let size = first.length;
    while (size < count) {
      const more = await this.some(count - size);
      if (more === undefined) return whole.subarray(0, size);
      whole.set(more, size);
      size += more.length;
    }
    return whole;
  }

  /** Puts bytes back: they are read next. Only what was read last, and only once. */
  unread(bytes: Uint8Array): void {
    this.#chunk = this.#chunk.length === 0 ? bytes : Buffer.concat([bytes, this.#chunk]);
  }

  /** Passes over `count` bytes, and returns how many there were. */
  async skip(count: number): Promise<number> {
    let left = count;
    while (left > 0) {
      const bytes = await this.some(left);
      if (bytes === undefined) break;
      left -= bytes.length;
    }
    return count - left;
  }

  /** All that is left. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (let bytes = await this.some(Infinity); bytes !== undefined; bytes = await this.some(Infinity))
      yield bytes;
  }

  /** Closes the source, unless it has ended. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#chunk = new Uint8Array(0);
    await this.#source.return?.();
  }
}
