import { OciError, type ByteRange, type ByteStream, type Digest } from '../../oci/index.js';
import type { Appender, Bytes, Location } from './bytes.js';
import { BLOCK, RecordAppender } from './record-appender.js';
import { CHUNK, ChunkReader, chunkKey, chunksOf, lastChunk, type Content } from './record-chunks.js';
import { put, remove, scan, type Records } from './records.js';
import { decode, encode } from './values.js';

const CONTENTS = 'x!';
const COUNTER = 'n!chunk';
const contentKey = (id: string): string => CONTENTS + id;
/** Chunk numbers that one write of the counter takes. */
const RESERVE = 32 * BLOCK;

/**
 * Large bytes as records of 1 MiB under ever-growing numbers, so that LevelDB's tables do not overlap and are never
 * rewritten. A content record lists the runs of numbers that make up an upload; publishing adds the digest to it, and
 * the id becomes the location.
 */
export class RecordBytes implements Bytes {
  readonly #records: Records;
  /** Chunk numbers that are reserved and not given out. */
  #free = { next: 0, end: 0 };
  /** Readers at work per location, and what to do when the last one ends. */
  readonly #readers = new Map<Location, { count: number; last?: () => Promise<void> }>();
  /** Locations on their way out: nobody may begin to read. */
  readonly #leaving = new Set<Location>();

  constructor(records: Records) {
    this.#records = records;
  }

  async begin(id: string): Promise<void> {
    const value = encode({ size: 0, runs: [] } satisfies Content);
    await this.#records.commit([put(contentKey(id), value)], [], { sync: false });
  }

  async size(id: string): Promise<number | undefined> {
    return (await this.#upload(id))?.content.size;
  }

  async append(id: string): Promise<Appender> {
    const { size, runs } = (await this.#needUpload(id)).content;
    const last = size % CHUNK === 0 ? undefined : lastChunk(runs);
    const tail = last === undefined ? undefined : await this.#records.get(chunkKey(last), { large: true });
    if (last !== undefined && tail === undefined) throw missing(id);
    return new RecordAppender({
      records: this.#records,
      key: contentKey(id),
      size,
      runs,
      tail,
      block: () => this.#block(),
    });
  }

  async publish(id: string, digest: Digest): Promise<Location> {
    const { value, content } = await this.#needUpload(id);
    await this.#records.flush();
    const published: Content = { ...content, digest };
    if (
      !(await this.#records.commit(
        [put(contentKey(id), encode(published))],
        [{ key: contentKey(id), value }],
      ))
    )
      throw missing(id);
    return id;
  }

  async abort(id: string): Promise<void> {
    for (let found = await this.#upload(id); found !== undefined; found = await this.#upload(id)) {
      if (await this.#erase(id, found)) return;
    }
  }

  async recall(id: string, digest: Digest): Promise<void> {
    const found = await this.#find(id);
    if (found?.content.digest !== digest) return;
    const { size, runs } = found.content;
    const upload = encode({ size, runs } satisfies Content);
    await this.#records.commit([put(contentKey(id), upload)], [{ key: contentKey(id), value: found.value }], {
      sync: false,
    });
  }

  async read(id: string): Promise<ByteStream> {
    const { size, runs } = (await this.#needUpload(id)).content;
    const range = { start: 0, end: size - 1 };
    return once(() => new ChunkReader(this.#records, runs, range, () => Promise.resolve()));
  }

  async open(location: Location, range: ByteRange): Promise<ByteStream> {
    if (this.#leaving.has(location)) throw missing(location);
    // Noted before anything is read: from here on the chunks stay.
    const release = this.#enter(location);
    try {
      const found = await this.#find(location);
      if (found?.content.digest === undefined) throw missing(location);
      return once(() => new ChunkReader(this.#records, found.content.runs, range, release));
    } catch (error) {
      await release();
      throw error;
    }
  }

  async delete(location: Location): Promise<void> {
    const readers = this.#readers.get(location);
    if (readers !== undefined) {
      readers.last = () => this.delete(location);
      return;
    }
    this.#leaving.add(location);
    try {
      const found = await this.#find(location);
      if (found !== undefined) await this.#erase(location, found);
    } finally {
      this.#leaving.delete(location);
    }
  }

  async *list(): AsyncGenerator<{ location: Location; digest: Digest }> {
    for await (const [key, value] of scan(this.#records, CONTENTS)) {
      const { digest } = decode<Content>(value);
      if (digest !== undefined) yield { location: key.slice(CONTENTS.length), digest };
    }
  }

  async *uploads(): AsyncGenerator<string> {
    for await (const [key, value] of scan(this.#records, CONTENTS)) {
      if (decode<Content>(value).digest === undefined) yield key.slice(CONTENTS.length);
    }
  }

  async flush(): Promise<void> {
    await this.#records.flush();
  }

  async #find(id: string): Promise<Found | undefined> {
    const value = await this.#records.get(contentKey(id));
    return value === undefined ? undefined : { value, content: decode<Content>(value) };
  }

  async #upload(id: string): Promise<Found | undefined> {
    const found = await this.#find(id);
    return found?.content.digest === undefined ? found : undefined;
  }

  async #needUpload(id: string): Promise<Found> {
    const found = await this.#upload(id);
    if (found === undefined) throw missing(id);
    return found;
  }

  /** Deletes content as it was found; returns false when it is no longer that. */
  async #erase(id: string, { value, content }: Found): Promise<boolean> {
    return await this.#records.commit(
      [remove(contentKey(id)), ...chunksOf(content.runs).map(remove)],
      [{ key: contentKey(id), value }],
      { sync: false },
    );
  }

  /** The first of a block of chunk numbers that nobody had before. */
  async #block(): Promise<number> {
    if (this.#free.next === this.#free.end) this.#free = await this.#reserve();
    const first = this.#free.next;
    this.#free.next += BLOCK;
    return first;
  }

  async #reserve(): Promise<{ next: number; end: number }> {
    for (;;) {
      const value = await this.#records.get(COUNTER);
      const next = value === undefined ? 0 : decode<number>(value);
      const end = next + RESERVE;
      // Synced: a number that came again after a power loss would overwrite a chunk of something else.
      if (await this.#records.commit([put(COUNTER, encode(end))], [{ key: COUNTER, value }]))
        return { next, end };
    }
  }

  /** Notes a reader of a location; returns what to call when it is done. */
  #enter(location: Location): () => Promise<void> {
    const readers = this.#readers.get(location) ?? { count: 0 };
    readers.count++;
    this.#readers.set(location, readers);
    return async () => {
      if (--readers.count > 0) return;
      this.#readers.delete(location);
      // What cannot be deleted now is swept by the collector.
      await readers.last?.().catch(() => undefined);
    };
  }
}

interface Found {
  readonly value: Uint8Array;
  readonly content: Content;
}

const missing = (id: string): OciError => new OciError('STORE_CORRUPT', `stored bytes are missing: ${id}`);

/** A stream that can be read once. */
function once(reader: () => ChunkReader): ByteStream {
  let started: ChunkReader | undefined;
  return {
    [Symbol.asyncIterator]: () => {
      started ??= reader();
      return started;
    },
  };
}
