import { OciError, type ByteRange, type ByteStream } from '../../oci/index.js';
import type { FileHandle } from './files.js';

const CHUNK = 1024 * 1024;

/** Reads a range of a file in chunks of 1 MiB, one ahead of the reader, and closes it at the end or on return. */
export function readFile(file: FileHandle, range: ByteRange): ByteStream {
  return { [Symbol.asyncIterator]: () => new FileReader(file, range) };
}

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
    return this.#fill(Buffer.allocUnsafeSlow(length), at);
  }

  async #fill(buffer: Uint8Array, at: number): Promise<Uint8Array> {
    let filled = 0;
    while (filled < buffer.byteLength) {
      const read = await this.#file.read(filled === 0 ? buffer : buffer.subarray(filled), at + filled);
      if (read === 0) throw new OciError('STORE_CORRUPT', 'stored bytes end too early');
      filled += read;
    }
    return buffer;
  }
}
