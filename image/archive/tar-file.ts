import { OciError, collect, quote, type ByteStream, type CallOptions } from '../../oci/index.js';
import { ByteReader } from '../byte-reader.js';
import { corrupt } from '../corrupt.js';
import { BLOCK, nextHeader, paddingOf, type HeaderReader } from '../tar/index.js';
import { nameOfInput, openBytes, type ArchiveInput, type Bytes } from './bytes.js';
import { cleanName, linkTarget } from './entry-names.js';

/** A file in an archive. Positions and sizes are bytes. */
export interface ArchivedFile {
  readonly name: string;
  /** Where its first header begins. */
  readonly begins: number;
  /** Where its bytes begin. */
  readonly start: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** A name for something else in the archive. */
interface ArchivedLink {
  readonly type: 'link' | 'symlink';
  readonly to: string;
}

/** More entries than this are no archive of images. */
const ENTRY_LIMIT = 1 << 18;
/** All their names together, in characters. */
const NAMES_LIMIT = 1 << 26;
/** Bytes that are read at once in search of headers. */
const WINDOW = 1 << 15;

/**
 * A tar whose entries are found by name. It is passed over once, from header to header; bytes are read when they are asked
 * for, from where they lie. Names that lead out of it, two files of one name, and bodies beyond its end are refused.
 */
export class TarFile {
  readonly name: string;
  /** Files in their order. */
  readonly files: readonly ArchivedFile[];
  /** Whether the zero blocks stand at its end, without which it may have been cut. */
  readonly ended: boolean;
  /** All of it. */
  readonly bytes: Bytes;
  readonly #byName: ReadonlyMap<string, ArchivedFile | ArchivedLink>;

  private constructor(name: string, bytes: Bytes, found: Scan) {
    this.name = name;
    this.bytes = bytes;
    this.ended = found.ended;
    this.#byName = found.byName;
    this.files = [...found.byName.values()].filter((entry) => 'start' in entry);
  }

  /**
   * Opens an archive; one that is packed is unpacked to a temporary file.
   * @throws OciError `CONTENT_INVALID` for a damaged or hostile one, `INVALID_OPTION` for what is no file, `SIZE_LIMIT`,
   * `UNSUPPORTED` for entries of unknown types
   */
  static async open(input: ArchiveInput, options: CallOptions = {}): Promise<TarFile> {
    const bytes = await openBytes(input, options);
    try {
      return await TarFile.over(bytes, nameOfInput(input), options);
    } catch (error) {
      await bytes.close();
      throw error;
    }
  }

  /** The same over bytes that are open; they are closed with it. @param name for messages */
  static async over(bytes: Bytes, name: string, options: CallOptions = {}): Promise<TarFile> {
    return new TarFile(name, bytes, await scan(bytes, name, options));
  }

  /** Bytes of the tar as a whole. */
  get size(): number {
    return this.bytes.size;
  }

  /** A file that is no link; undefined when there is none of this name. Throws OciError `CONTENT_INVALID` for a link. */
  file(name: string): ArchivedFile | undefined {
    const entry = this.#byName.get(name);
    if (entry === undefined || 'start' in entry) return entry;
    throw corrupt(`${this.name}: ${quote(name)} is a link, where a file is expected`);
  }

  /**
   * A file, also behind links.
   * @throws OciError `CONTENT_INVALID` for links that go in circles or out of the archive
   */
  follow(name: string): ArchivedFile | undefined {
    const passed = new Set<string>();
    let at = name;
    for (;;) {
      const entry = this.#byName.get(at);
      if (entry === undefined || 'start' in entry) return entry;
      if (passed.has(at)) throw corrupt(`${this.name}: the link ${quote(name)} goes in circles`);
      passed.add(at);
      at = linkTarget(at, entry, this.name);
    }
  }

  /** Bytes of the tar from a position on. */
  read(start: number, length: number, options?: CallOptions): ByteStream {
    return this.bytes.read(start, length, options);
  }

  /** All of a small file. Throws OciError `SIZE_LIMIT`. */
  async whole(file: ArchivedFile, limit: number, options?: CallOptions): Promise<Uint8Array> {
    const what = `${quote(file.name)} of ${this.name}`;
    if (file.size > limit)
      throw new OciError('SIZE_LIMIT', `${what} is larger than ${limit} bytes`, { detail: { limit } });
    return await collect(this.read(file.start, file.size, options), limit, what);
  }

  async close(): Promise<void> {
    await this.bytes.close();
  }
}

interface Scan {
  readonly byName: ReadonlyMap<string, ArchivedFile | ArchivedLink>;
  readonly ended: boolean;
}

async function scan(bytes: Bytes, what: string, { signal }: CallOptions): Promise<Scan> {
  const headers = new Headers(bytes);
  const byName = new Map<string, ArchivedFile | ArchivedLink>();
  let characters = 0;
  let where = `${what} (its first entry)`;
  for (;;) {
    signal?.throwIfAborted();
    const begins = headers.position;
    // oxlint-disable-next-line no-await-in-loop -- one header after another
    const header = await nextHeader(headers, where);
    if (header === undefined) return { byName, ended: headers.position - begins === 2 * BLOCK };
    const name = cleanName(header.name, what);
    where = `${what} (behind ${quote(name)})`;
    const { size, type, mtime = 0, linkname = '' } = header;
    const start = headers.position;
    if (start + size > bytes.size)
      throw corrupt(`${what} is damaged: it ends in the middle of ${quote(name)}, which has ${size} bytes`);
    headers.position = Math.min(start + size + paddingOf(size), bytes.size);
    if (type === 'file' || type === 'link' || type === 'symlink') {
      if (byName.has(name)) throw corrupt(`${what} holds ${quote(name)} twice`);
      byName.set(name, type === 'file' ? { name, begins, start, size, mtime } : { type, to: linkname });
    }
    characters += name.length + linkname.length;
    if (byName.size > ENTRY_LIMIT || characters > NAMES_LIMIT) {
      throw new OciError('SIZE_LIMIT', `${what} has too many entries: at most ${ENTRY_LIMIT} are read`, {
        detail: { limit: ENTRY_LIMIT },
      });
    }
  }
}

/** Reads headers, and jumps over bodies. */
class Headers implements HeaderReader {
  readonly #bytes: Bytes;
  #window: Uint8Array = new Uint8Array(0);
  #begins = 0;
  position = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  async take(count: number): Promise<Uint8Array> {
    const start = this.position;
    if (start < this.#begins || start + count > this.#begins + this.#window.length) {
      const reader = new ByteReader(this.#bytes.read(start, Math.max(WINDOW, count)));
      this.#window = await reader.take(Math.max(WINDOW, count));
      this.#begins = start;
      await reader.close();
    }
    const taken = this.#window.subarray(start - this.#begins, start - this.#begins + count);
    this.position += taken.length;
    return taken;
  }
}
