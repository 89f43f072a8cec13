import {
  OciError,
  streamOf,
  type ByteRange,
  type ByteStream,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import type { Source } from '../image/media.js';
import type { Appender, Bytes, Location } from './storage/bytes.js';

/** Large bytes that lie in an archive, or in any other source, and stay there. Nothing can be added. */
export class SourceBytes implements Bytes {
  readonly #source: Source;
  readonly #blobs = new Map<Location, Descriptor>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** Notes a blob of the source. */
  add(descriptor: Descriptor): Location {
    this.#blobs.set(descriptor.digest, descriptor);
    return descriptor.digest;
  }

  async open(location: Location, range: ByteRange): Promise<ByteStream> {
    const descriptor = this.#blobs.get(location);
    if (descriptor === undefined)
      throw new OciError('STORE_CORRUPT', `${this.#source.name} does not have ${location}`);
    if (descriptor.data === undefined) return await this.#source.blob(descriptor, { range });
    return streamOf(Buffer.from(descriptor.data, 'base64').subarray(range.start, range.end + 1));
  }

  async *list(): AsyncGenerator<{ location: Location; digest: Digest }> {
    for (const [location, { digest }] of this.#blobs) yield { location, digest };
  }

  async *uploads(): AsyncGenerator<string> {
    // There are none.
  }

  async size(): Promise<undefined> {
    return undefined;
  }

  async abort(): Promise<void> {
    // There is nothing to give up.
  }

  async recall(): Promise<void> {
    // Nothing was published.
  }

  async flush(): Promise<void> {
    // Nothing was written.
  }

  begin(): Promise<void> {
    return this.#refuse();
  }

  append(): Promise<Appender> {
    return this.#refuse();
  }

  publish(): Promise<Location> {
    return this.#refuse();
  }

  read(): Promise<ByteStream> {
    return this.#refuse();
  }

  delete(): Promise<void> {
    return this.#refuse();
  }

  async #refuse(): Promise<never> {
    throw new OciError('DENIED', `${this.#source.name} is served as it is: nothing can be written to it`);
  }
}
