import { OciError, isDigest, type ByteRange, type ByteStream, type Digest } from '../../oci/index.js';
import type { Appender, Bytes, Location } from './bytes.js';
import { decode, encode } from './values.js';
import { put, remove, scan, type Records } from './records.js';

/** Bytes of a full chunk. */
const CHUNK = 1024 * 1024;
/** Chunk numbers taken at once: concurrent uploads then own runs, and their lists stay short. */
const BLOCK = 32;

/** Consecutive chunks: all are full but, maybe, the last. */
interface Run {
  first: number;
  count: number;
  bytes: number;
}

interface Content {
  readonly digest?: Digest;
  readonly runs: readonly Run[];
}

const CHUNKS = 'c!';
const CONTENTS = 'x!';
const COUNTER = 'n!chunk';
const chunkKey = (number: number): string => CHUNKS + number.toString(16).padStart(14, '0');
const contentKey = (id: string): string => CONTENTS + id;
const sizeOf = (content: Content): number => content.runs.reduce((sum, run) => sum + run.bytes, 0);

/**
 * Large bytes as records of 1 MiB under ever-growing numbers, so that LevelDB's tables do not overlap and are never
 * rewritten. A content record lists the runs of numbers that make up an upload; publishing adds the digest to it.
 */
export class RecordBytes implements Bytes {
  readonly #records: Records;
  #next: Promise<number> | undefined;
  /** Readers at work per location, and what to do when the last one ends. */
  readonly #readers = new Map<Location, { count: number; last?: () => Promise<void> }>();

  constructor(records: Records) {
    this.#records = records;
  }

  async begin(id: string): Promise<void> {
    await this.#records.commit([put(contentKey(id), encode({ runs: [] }))], [], { sync: false });
  }

  async size(id: string): Promise<number | undefined> {
    const content = await this.#content(id);
    return content === undefined ? undefined : sizeOf(content);
  }

  async append(id: string): Promise<Appender> {
    const { runs } = await this.#need(id);
    return new RecordAppender(this.#records, contentKey(id), runs, () => this.#block());
  }

  async publish(id: string, digest: Digest): Promise<Location> {
    const content = await this.#need(id);
    // A synced batch takes every earlier write of the log with it.
    await this.#records.commit([put(contentKey(id), encode({ ...content, digest }))]);
    return id;
  }

  async abort(id: string): Promise<void> {
    await this.#erase(id);
  }

  async read(id: string): Promise<ByteStream> {
    const content = await this.#need(id);
    return this.#stream(id, content.runs, { start: 0, end: sizeOf(content) - 1 });
  }

  async open(location: Location, range: ByteRange): Promise<ByteStream> {
    return this.#stream(location, (await this.#need(location)).runs, range);
  }

  async delete(location: Location): Promise<void> {
    const readers = this.#readers.get(location);
    if (readers === undefined) await this.#erase(location);
    else readers.last = () => this.#erase(location);
  }

  async *list(): AsyncGenerator<{ location: Location; digest: Digest }> {
    for await (const [key, value] of scan(this.#records, CONTENTS)) {
      const { digest } = decode<Content>(value);
      if (digest !== undefined && isDigest(digest)) yield { location: key.slice(CONTENTS.length), digest };
    }
  }

  async *uploads(): AsyncGenerator<string> {
    for await (const [key, value] of scan(this.#records, CONTENTS)) {
      if (decode<Content>(value).digest === undefined) yield key.slice(CONTENTS.length);
    }
  }

  async #content(id: string): Promise<Content | undefined> {
    const value = await this.#records.get(contentKey(id));
    return value === undefined ? undefined : decode<Content>(value);
  }

  async #need(id: string): Promise<Content> {
    const content = await this.#content(id);
    if (content === undefined) throw new OciError('STORE_CORRUPT', `stored bytes are missing: ${id}`);
    return content;
  }

  async #erase(id: string): Promise<void> {
    const content = await this.#content(id);
    if (content === undefined) return;
    await this.#records.commit([remove(contentKey(id)), ...chunksOf(content.runs).map(remove)], [], {
      sync: false,
    });
  }

  /** The first of a block of chunk numbers that nobody had before. */
  #block(): Promise<number> {
    const previous = this.#next;
    this.#next = (async () => {
      const last = previous === undefined ? await this.#records.get(COUNTER) : undefined;
      const first =
        previous === undefined ? (last === undefined ? 0 : decode<number>(last)) : (await previous) + BLOCK;
      // The log keeps its order: no chunk of the block can be there without this.
      await this.#records.commit([put(COUNTER, encode(first + BLOCK))], [], { sync: false });
      return first;
    })();
    return this.#next;
  }

  #stream(location: Location, runs: readonly Run[], range: ByteRange): ByteStream {
    const readers = this.#readers.get(location) ?? { count: 0 };
    readers.count++;
    this.#readers.set(location, readers);
    const release = async (): Promise<void> => {
      if (--readers.count > 0) return;
      this.#readers.delete(location);
      await readers.last?.();
    };
    return { [Symbol.asyncIterator]: () => new RecordReader(this.#records, pieces(runs, range), release) };
  }
}

/** Takes bytes into chunks; each chunk is written with the list that names it. */
class RecordAppender implements Appender {
  readonly #records: Records;
  readonly #key: string;
  readonly #runs: Run[];
  readonly #block: () => Promise<number>;
  #size: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Numbers left in the block at hand. */
  #free = { next: 0, left: 0 };
  #running: Promise<void> = Promise.resolve();
  #error: unknown;

  constructor(records: Records, key: string, runs: readonly Run[], block: () => Promise<number>) {
    this.#records = records;
    this.#key = key;
    this.#runs = runs.map((run) => ({ ...run }));
    this.#size = sizeOf({ runs });
    this.#block = block;
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#size += chunk.byteLength;
    let rest = chunk;
    let full = false;
    while (this.#bytes + rest.byteLength >= CHUNK) {
      const room = CHUNK - this.#bytes;
      this.#parts.push(rest.subarray(0, room));
      rest = rest.subarray(room);
      this.#store();
      full = true;
    }
    if (rest.byteLength > 0) {
      this.#parts.push(rest);
      this.#bytes += rest.byteLength;
      if (this.#parts.length > 256) this.#parts = [Buffer.concat(this.#parts)];
    }
    return full ? this.#room() : undefined;
  }

  async close(): Promise<void> {
    if (this.#parts.length > 0) this.#store();
    await this.#room();
  }

  async #room(): Promise<void> {
    await this.#running;
    if (this.#error !== undefined) throw this.#error;
  }

  #store(): void {
    const value = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#running = this.#running
      .then(() => this.#put(value))
      .catch((error: unknown) => {
        this.#error ??= error;
      });
  }

  async #put(value: Uint8Array): Promise<void> {
    if (this.#error !== undefined) return;
    if (this.#free.left === 0) this.#free = { next: await this.#block(), left: BLOCK };
    const number = this.#free.next++;
    this.#free.left--;
    const last = this.#runs.at(-1);
    // A run may only grow behind full chunks.
    if (last !== undefined && last.first + last.count === number && last.bytes === last.count * CHUNK) {
      last.count++;
      last.bytes += value.byteLength;
    } else {
      this.#runs.push({ first: number, count: 1, bytes: value.byteLength });
    }
    await this.#records.commit(
      [put(chunkKey(number), value), put(this.#key, encode({ runs: this.#runs }))],
      [],
      { sync: false },
    );
  }
}

const chunksOf = (runs: readonly Run[]): string[] =>
  runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => chunkKey(first + index)));

interface Piece {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

/** The chunks, and the part of each, that make up a range. */
function* pieces(runs: readonly Run[], { start, end }: ByteRange): Generator<Piece> {
  let position = 0;
  for (const run of runs) {
    if (position + run.bytes <= start) {
      position += run.bytes;
      continue;
    }
    for (let index = 0; index < run.count; index++) {
      if (position > end) return;
      const bytes = index < run.count - 1 ? CHUNK : run.bytes - (run.count - 1) * CHUNK;
      if (position + bytes > start) {
        yield {
          key: chunkKey(run.first + index),
          from: Math.max(0, start - position),
          to: Math.min(bytes, end + 1 - position),
        };
      }
      position += bytes;
    }
  }
}

class RecordReader implements AsyncIterator<Uint8Array, undefined> {
  readonly #records: Records;
  readonly #pieces: Iterator<Piece>;
  readonly #release: () => Promise<void>;
  #released = false;

  constructor(records: Records, list: Iterator<Piece>, release: () => Promise<void>) {
    this.#records = records;
    this.#pieces = list;
    this.#release = release;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = this.#released ? undefined : (this.#pieces.next().value as Piece | undefined);
    if (piece === undefined) return await this.return();
    const value = await this.#records.get(piece.key);
    if (value === undefined || value.byteLength < piece.to) {
      await this.return();
      throw new OciError('STORE_CORRUPT', 'stored bytes end too early');
    }
    return { done: false, value: value.subarray(piece.from, piece.to) };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#released) {
      this.#released = true;
      await this.#release();
    }
    return { done: true, value: undefined };
  }
}
