import { OciError, type ByteRange, type Digest } from '../../oci/index.js';
import type { Records } from './records.js';

/** Bytes of every chunk but the last. */
export const CHUNK = 1024 * 1024;

/** Consecutive chunk numbers. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/** What the record of an upload or of published bytes says. */
export interface Content {
  /** Set when the bytes are published. */
  readonly digest?: Digest;
  readonly size: number;
  /** The chunks in order. */
  readonly runs: readonly Run[];
}

export const CHUNKS = 'c!';
export const chunkKey = (number: number): string => CHUNKS + number.toString(16).padStart(14, '0');

/** Adds a chunk behind the others. */
export function withChunk(runs: readonly Run[], number: number): Run[] {
  const last = runs.at(-1);
  if (last === undefined || last.first + last.count !== number) return [...runs, { first: number, count: 1 }];
  return [...runs.slice(0, -1), { first: last.first, count: last.count + 1 }];
}

/** Takes the last chunk away. */
export function withoutLast(runs: readonly Run[]): Run[] {
  const last = runs.at(-1);
  if (last === undefined || last.count === 1) return runs.slice(0, -1);
  return [...runs.slice(0, -1), { first: last.first, count: last.count - 1 }];
}

/** The number of the last chunk. */
export function lastChunk(runs: readonly Run[]): number | undefined {
  const last = runs.at(-1);
  return last === undefined ? undefined : last.first + last.count - 1;
}

/** Keys of all chunks. */
export const chunksOf = (runs: readonly Run[]): string[] =>
  runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => chunkKey(first + index)));

interface Piece {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

/** The chunks, and the part of each, that make up a range. */
function* pieces(runs: readonly Run[], { start, end }: ByteRange): Generator<Piece, undefined> {
  let position = 0;
  for (const { first, count } of runs) {
    const skip = Math.min(count, Math.max(0, Math.floor((start - position) / CHUNK)));
    position += skip * CHUNK;
    for (let index = skip; index < count; index++) {
      if (position > end) return undefined;
      yield {
        key: chunkKey(first + index),
        from: Math.max(0, start - position),
        to: Math.min(CHUNK, end + 1 - position),
      };
      position += CHUNK;
    }
  }
  return undefined;
}

/** Reads a range chunk by chunk. */
export class ChunkReader implements AsyncIterator<Uint8Array, undefined> {
  readonly #records: Records;
  readonly #pieces: Generator<Piece, undefined>;
  readonly #release: () => Promise<void>;
  #released = false;

  /** @param release called once, when the last byte was read or nobody wants more */
  constructor(records: Records, runs: readonly Run[], range: ByteRange, release: () => Promise<void>) {
    this.#records = records;
    this.#pieces = pieces(runs, range);
    this.#release = release;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = this.#released ? undefined : this.#pieces.next().value;
    if (piece === undefined) return await this.return();
    try {
      const value = await this.#records.get(piece.key, { large: true });
      if (value === undefined || value.byteLength < piece.to)
        throw new OciError('STORE_CORRUPT', 'stored bytes end too early');
      return { done: false, value: value.subarray(piece.from, piece.to) };
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#released) {
      this.#released = true;
      await this.#release();
    }
    return { done: true, value: undefined };
  }
}
