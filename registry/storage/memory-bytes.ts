import { OciError, type ByteRange, type ByteStream, type Digest } from '../../oci/index.js';
import type { Appender, Bytes, Location } from './bytes.js';
import { sortedMap, type SortedMap } from './sorted-map.js';

/** An upload, or with a digest what was published. It is never changed, only replaced. */
export interface MemoryContent {
  readonly digest?: Digest;
  readonly size: number;
  readonly chunks: readonly Uint8Array[];
}

/** Bytes gathered into one buffer: a sender of tiny pieces must not cost an object each. */
const CHUNK = 1024 * 1024;
const EMPTY: MemoryContent = { size: 0, chunks: [] };

/** Large bytes in memory. Who reads has the chunks in hand: deleting takes nothing from them. */
export class MemoryBytes implements Bytes {
  readonly #map: SortedMap<MemoryContent>;

  /** @param map what is there from the start, now owned by these bytes */
  constructor(map: SortedMap<MemoryContent> = sortedMap()) {
    this.#map = map;
  }

  /** Everything as it stands, in constant time. */
  snapshot(): SortedMap<MemoryContent> {
    return this.#map.clone();
  }

  async begin(id: string): Promise<void> {
    this.#map.set(id, EMPTY);
  }

  async size(id: string): Promise<number | undefined> {
    return this.#upload(id)?.size;
  }

  async append(id: string): Promise<Appender> {
    return new MemoryAppender(this.#need(id), (content) => {
      if (this.#upload(id) !== undefined) this.#map.set(id, content);
    });
  }

  async publish(id: string, digest: Digest): Promise<Location> {
    this.#map.set(id, { ...this.#need(id), digest });
    return id;
  }

  async abort(id: string): Promise<void> {
    if (this.#upload(id) !== undefined) this.#map.delete(id);
  }

  async recall(id: string, digest: Digest): Promise<void> {
    const content = this.#map.get(id);
    if (content?.digest === digest) this.#map.set(id, { size: content.size, chunks: content.chunks });
  }

  async read(id: string): Promise<ByteStream> {
    const { chunks, size } = this.#need(id);
    return slice(chunks, { start: 0, end: size - 1 });
  }

  async open(location: Location, range: ByteRange): Promise<ByteStream> {
    const content = this.#map.get(location);
    if (content?.digest === undefined) throw missing(location);
    return slice(content.chunks, range);
  }

  async delete(location: Location): Promise<void> {
    this.#map.delete(location);
  }

  async *list(): AsyncGenerator<{ location: Location; digest: Digest }> {
    for (const [location, { digest }] of this.snapshot().entries())
      if (digest !== undefined) yield { location, digest };
  }

  async *uploads(): AsyncGenerator<string> {
    for (const [id, { digest }] of this.snapshot().entries()) if (digest === undefined) yield id;
  }

  async flush(): Promise<void> {
    // Memory is as durable as it will be.
  }

  #upload(id: string): MemoryContent | undefined {
    const content = this.#map.get(id);
    return content?.digest === undefined ? content : undefined;
  }

  #need(id: string): MemoryContent {
    const content = this.#upload(id);
    if (content === undefined) throw missing(id);
    return content;
  }
}

/** Gathers bytes into chunks and shows them when it is closed. */
class MemoryAppender implements Appender {
  readonly #show: (content: MemoryContent) => void;
  readonly #chunks: Uint8Array[];
  #parts: Uint8Array[] = [];
  /** Bytes of the parts. */
  #bytes = 0;
  #size: number;

  constructor({ chunks, size }: MemoryContent, show: (content: MemoryContent) => void) {
    this.#chunks = [...chunks];
    this.#size = size;
    this.#show = show;
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): undefined {
    this.#size += chunk.byteLength;
    this.#bytes += chunk.byteLength;
    this.#parts.push(chunk);
    if (this.#bytes >= CHUNK) this.#gather();
  }

  async close(): Promise<void> {
    this.#gather();
    this.#show({ size: this.#size, chunks: this.#chunks });
  }

  #gather(): void {
    if (this.#bytes === 0) return;
    // Copied: a part may be the corner of a buffer that many share.
    this.#chunks.push(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#bytes = 0;
  }
}

/** A range of the chunks, to be read once. */
async function* slice(
  chunks: readonly Uint8Array[],
  { start, end }: ByteRange,
): AsyncGenerator<Uint8Array, undefined> {
  let position = 0;
  for (const chunk of chunks) {
    const from = Math.max(0, start - position);
    const to = Math.min(chunk.byteLength, end + 1 - position);
    position += chunk.byteLength;
    if (from < to) yield chunk.subarray(from, to);
    if (position > end) return;
  }
}

const missing = (id: string): OciError => new OciError('STORE_CORRUPT', `stored bytes are missing: ${id}`);
