import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { OciError, collect, streamOf, type ByteStream, type CallOptions } from '../../oci/index.js';
import { MAGIC_LENGTH, decompress, detectCompression } from '../compression.js';
import { freshName, ifThere, readSlice, withRoom } from '../layout/files.js';
import { writeStream } from '../layout/write-stream.js';
import { PartsBytes } from './parts/bytes.js';
import { findParts } from './parts/find.js';
import { isPartHeader } from './parts/header.js';

/**
 * What an archive is read from: a path, `-` for the standard input, a stream, or bytes in memory. The path of any part of
 * an archive that was split, or their name without a number, stands for the whole.
 */
export type ArchiveInput = string | Uint8Array | ByteStream;

/** A part of a split archive that is not what it was. */
export interface DamagedPart {
  /** What its file is called. */
  readonly entry: string;
  readonly reason: string;
}

/** Bytes that can be read at any place. */
export interface Bytes {
  readonly size: number;
  /** From a position on; fewer where the end comes before. */
  read(start: number, length: number, options?: CallOptions): ByteStream;
  /** Reads everything, and tells of parts that are damaged, where the bytes lie in parts. */
  damaged?(options?: CallOptions): AsyncIterable<DamagedPart>;
  close(): Promise<void>;
}

/** Whether a path is a file, or the name of one that was split. */
export async function isArchiveThere(path: string): Promise<boolean> {
  return (await ifThere(stat(path)))?.isDirectory() === false || (await findParts(path)) !== undefined;
}

/** For messages. */
export function nameOfInput(input: ArchiveInput): string {
  return typeof input !== 'string'
    ? 'the archive'
    : input === '-'
      ? 'the archive on the standard input'
      : input;
}

/**
 * Opens the bytes of an archive. A plain file is read where it lies; what is packed by gzip or zstd, or comes as a
 * stream, is unpacked to a temporary file first.
 * @throws OciError `INVALID_OPTION` for what is no file, `CONTENT_INVALID` for damaged packing and parts that are missing or
 * damaged, `STORE_FULL`
 */
export async function openBytes(input: ArchiveInput, options: CallOptions = {}): Promise<Bytes> {
  const what = nameOfInput(input);
  if (input instanceof Uint8Array) {
    if (detectCompression(input) === 'none') return new MemoryBytes(input);
    return await spool(decompress(streamOf(input), { what, ...options }));
  }
  if (typeof input !== 'string') return await spool(decompress(input, { what, ...options }));
  if (input === '-') return await spool(decompress(process.stdin as ByteStream, { what, ...options }));
  const parts = await findParts(input);
  if (parts !== undefined) return PartsBytes.join(parts.base, parts.files);
  const found = await ifThere(stat(input));
  if (found === undefined) throw new OciError('INVALID_OPTION', `there is no archive ${input}`);
  if (found.isDirectory()) throw new OciError('INVALID_OPTION', `${input} is a folder, not an archive`);
  const file = await open(input, 'r');
  try {
    if (!found.isFile()) {
      // A pipe, which has no positions; its stream closes it.
      const stream = file.createReadStream() as ByteStream;
      return await spool(decompress(stream, { what, ...options }));
    }
    const first = await collect(readSlice(file, 0, MAGIC_LENGTH, options), MAGIC_LENGTH, what);
    if (isPartHeader(await collect(readSlice(file, 0, 64, options), 64, what)))
      throw new OciError(
        'INVALID_OPTION',
        `${input} is a part of a split archive and not called so: its name ends in the number of the part, as in .001`,
      );
    if (detectCompression(first) === 'none') return new FileBytes(file, (await file.stat()).size);
    const packed = readSlice(file, 0, Number.MAX_SAFE_INTEGER, options);
    const unpacked = await spool(decompress(packed, { what, ...options }));
    await file.close();
    return unpacked;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/**
 * Keeps a stream in a temporary file of this process's own, which goes when it is closed.
 * @throws OciError `STORE_FULL`, what the stream throws
 */
export async function spool(stream: ByteStream): Promise<Bytes> {
  const scratch = await Scratch.open();
  try {
    await scratch.append(stream);
    return scratch;
  } catch (error) {
    await scratch.close();
    throw error;
  }
}

/** A temporary file that grows. */
export class Scratch implements Bytes {
  readonly #file: FileHandle;
  readonly #path: string;
  #size = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Makes one, in the folder that the system has for such (`TMPDIR`). Throws OciError `STORE_FULL`. */
  static async open(): Promise<Scratch> {
    const path = freshName(tmpdir(), 'ocilot-');
    const file = await withRoom(open(path, 'wx+', 0o600));
    // A file without a name is gone whatever happens to this process; Windows cannot do that.
    if (process.platform !== 'win32') await rm(path, { force: true });
    return new Scratch(file, path);
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a stream; one after another. Returns where it lies. Throws OciError `STORE_FULL`, what the stream throws. */
  async append(stream: ByteStream): Promise<{ readonly start: number; readonly size: number }> {
    const start = this.#size;
    const size = await writeStream(this.#file, stream, start);
    this.#size += size;
    return { start, size };
  }

  read(start: number, length: number, options?: CallOptions): ByteStream {
    return readSlice(this.#file, start, length, options);
  }

  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

class FileBytes implements Bytes {
  readonly size: number;
  readonly #file: FileHandle;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  read(start: number, length: number, options?: CallOptions): ByteStream {
    return readSlice(this.#file, start, length, options);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

class MemoryBytes implements Bytes {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(start: number, length: number): ByteStream {
    return streamOf(this.#bytes.subarray(start, start + length));
  }

  async close(): Promise<void> {
    // Nothing to let go of.
  }
}
