import { Digester, digestOf, type ByteStream, type Digest } from '../../oci/index.js';
import { GzipEncoder } from '../gzip/index.js';
import { BLOCK, TAR_END_SIZE, encodeHeader, readTar, type TarHeader } from '../tar/index.js';
import { encodeFooter } from './footer.js';
import { TOC_NAME, tocEntryOf, type TocEntry } from './toc.js';

/** Larger files are cut into chunks of this many bytes, each of which can be fetched alone. */
const CHUNK = 4 << 20;

/** What is known when the whole layer was written. */
export interface EstargzFacts {
  /** Of the list of contents, for the annotation. */
  readonly tocDigest: Digest;
  /** Of the tar that the layer unpacks to: the list is an entry of it, so it is not that of the tar that came in. */
  readonly diffId: Digest;
}

/**
 * Packs a tar as eStargz: gzip in which each file's content begins a member of its own, with a list of contents at the
 * end, so that single files can be fetched by range. Anything that reads gzip reads it. The same tar gives the same
 * bytes on every machine. The list is kept in memory: some 300 bytes an entry.
 * @throws OciError what `readTar` throws
 */
export class EstargzWriter {
  readonly #tar: ByteStream;
  readonly #gzip = new GzipEncoder();
  readonly #unpacked = new Digester();
  readonly #entries: TocEntry[] = [];
  /** Packed bytes given out so far. */
  #size = 0;
  #facts: EstargzFacts | undefined;

  constructor(tar: ByteStream) {
    this.#tar = tar;
  }

  /** Undefined before the last of the bytes was read. */
  get facts(): EstargzFacts | undefined {
    return this.#facts;
  }

  /** The packed bytes; once. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    for await (const { header, body } of readTar(this.#tar, { what: 'the layer' })) {
      if (header.name === TOC_NAME) continue;
      yield* this.#push(encodeHeader(header));
      if (header.size === 0) this.#entries.push(tocEntryOf(header));
      else yield* this.#file(header, body);
      const padding = (BLOCK - (header.size % BLOCK)) % BLOCK;
      yield* this.#push(new Uint8Array(padding));
    }
    yield* this.#member();
    yield* this.#end();
  }

  async *#file(header: TarHeader & { readonly size: number }, body: ByteStream): AsyncGenerator<Uint8Array> {
    const first = this.#entries.length;
    const whole = new Digester();
    let chunk = new Digester();
    let begun = 0;
    const note = (): void => {
      const last = begun + chunk.size === header.size;
      this.#entries.push({
        ...(begun === 0 ? tocEntryOf(header) : { name: header.name, type: 'chunk' }),
        offset: this.#start,
        ...(begun > 0 && { chunkOffset: begun }),
        ...(!last && { chunkSize: chunk.size }),
        chunkDigest: chunk.digest(),
      });
      begun += chunk.size;
      chunk = new Digester();
    };
    yield* this.#member();
    for await (const bytes of body) {
      whole.update(bytes);
      for (let at = 0; at < bytes.length;) {
        if (chunk.size === CHUNK) {
          note();
          yield* this.#member();
        }
        const piece = bytes.subarray(at, at + CHUNK - chunk.size);
        chunk.update(piece);
        yield* this.#push(piece);
        at += piece.length;
      }
    }
    note();
    const entry = this.#entries[first];
    if (entry !== undefined) this.#entries[first] = { ...entry, digest: whole.digest() };
  }

  *#end(): Generator<Uint8Array> {
    const toc = Buffer.from(JSON.stringify({ version: 1, entries: this.#entries }));
    const offset = this.#start;
    yield* this.#push(encodeHeader({ name: TOC_NAME, type: 'file', mode: 0o444, size: toc.length }));
    yield* this.#push(toc);
    yield* this.#push(new Uint8Array(((BLOCK - (toc.length % BLOCK)) % BLOCK) + TAR_END_SIZE));
    yield* this.#counted(this.#gzip.end());
    yield* this.#counted([encodeFooter(offset)]);
    this.#facts = { tocDigest: digestOf(toc), diffId: this.#unpacked.digest() };
  }

  /** Where the current member begins. */
  #start = 0;

  /** Ends the member, and begins the next. */
  *#member(): Generator<Uint8Array> {
    yield* this.#counted(this.#gzip.end());
    this.#gzip.restart();
    this.#start = this.#size;
  }

  *#push(bytes: Uint8Array): Generator<Uint8Array> {
    this.#unpacked.update(bytes);
    yield* this.#counted(this.#gzip.push(bytes));
  }

  *#counted(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      this.#size += piece.length;
      yield piece;
    }
  }
}
