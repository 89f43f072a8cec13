import { readFileSync } from 'node:fs';
import {
  OciError,
  collect,
  describe as descriptorOf,
  encodeJson,
  isOciError,
  streamOf,
  type ByteStream,
  type Descriptor,
} from '../../oci/index.js';
import type { Origin, Source } from '../../image/media.js';

const LIMIT = 1 << 26;

/** A file that another tool wrote, below `test/fixtures`. */
export const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

/** All bytes of a stream. */
export const bytesOf = async (stream: ByteStream | Promise<ByteStream>): Promise<Buffer> =>
  Buffer.from(await collect(await stream, LIMIT, 'stream'));

/** Bytes as text. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** A source in memory that notes what is asked of it. */
export class MemorySource implements Source {
  readonly name = 'memory';
  readonly asked: string[] = [];
  readonly origin?: Origin;
  readonly #content = new Map<string, Uint8Array>();

  constructor(origin?: Origin) {
    if (origin !== undefined) this.origin = origin;
  }

  /** Takes bytes in, and says what they are called. */
  add(mediaType: string, content: Uint8Array | object): Descriptor {
    const bytes = content instanceof Uint8Array ? content : encodeJson(content);
    const descriptor = descriptorOf(mediaType, bytes);
    this.#content.set(descriptor.digest, bytes);
    return descriptor;
  }

  /** Puts other bytes in the place of a digest. */
  spoil({ digest }: Descriptor, bytes: Uint8Array): void {
    this.#content.set(digest, bytes);
  }

  remove({ digest }: Descriptor): void {
    this.#content.delete(digest);
  }

  async resolve(): Promise<undefined> {
    return undefined;
  }

  async manifest({ digest }: Descriptor): Promise<Uint8Array> {
    this.asked.push(`manifest ${digest}`);
    return this.#bytes('MANIFEST_UNKNOWN', digest);
  }

  async blob({ digest }: Descriptor, options: Parameters<Source['blob']>[1] = {}): Promise<ByteStream> {
    this.asked.push(`blob ${digest}`);
    const bytes = this.#bytes('BLOB_UNKNOWN', digest);
    const { range } = options;
    return streamOf(range === undefined ? bytes : bytes.subarray(range.start, range.end + 1));
  }

  #bytes(code: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN', digest: string): Uint8Array {
    const bytes = this.#content.get(digest);
    if (bytes === undefined) throw new OciError(code, `no ${digest}`);
    return bytes;
  }
}

/** The code of the error a call ends in, and what it says. */
export async function failure(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await call;
  } catch (error) {
    if (isOciError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('expected the call to fail');
}
