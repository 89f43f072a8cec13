import { OciError, quote, type ByteStream } from '../../oci/index.js';
import { ByteReader } from '../byte-reader.js';
import { corrupt } from '../corrupt.js';
import { decodeHeader, mergeHeader, type RawHeader } from './decode.js';
import { BLOCK, paddingOf, type TarHeader } from './header.js';
import { parsePax } from './pax.js';

/** The most bytes a PAX header or a long name may have: Go's limit. */
const SPECIAL_LIMIT = 1 << 20;

/** An entry as it passes by. */
export interface TarMember {
  readonly header: TarHeader & { readonly size: number };
  /** The body: to be read before the next entry is asked for, and at most once. What is left of it is passed over. */
  readonly body: ByteStream;
}

/** Options of `readTar`. */
export interface ReadTarOptions {
  /** Names the archive in messages: `layer sha256:…`. */
  readonly what?: string;
  /** Refuses a second entry of the same name. Names are then kept, so memory grows with their number. */
  readonly unique?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reads an archive entry by entry: ustar, PAX, GNU and older headers. Memory is bounded, whatever the archive says of
 * itself. As in Go, global PAX headers are passed over, bodies of anything but files are none, and the end of the
 * input at the end of an entry ends the archive. What follows the archive's end is read up, so that a source that
 * checks a digest comes to its end.
 * @throws OciError `CONTENT_INVALID` for damaged input, `UNSUPPORTED` for sparse files and unknown types, `SIZE_LIMIT`
 * for headers beyond 1 MiB
 */
export async function* readTar(
  source: ByteStream,
  { what = 'the tar archive', unique = false, signal }: ReadTarOptions = {},
): AsyncGenerator<TarMember> {
  signal?.throwIfAborted();
  const reader = new ByteReader(source);
  const names = new Set<string>();
  try {
    for (;;) {
      const header = await nextHeader(reader, what);
      signal?.throwIfAborted();
      if (header === undefined) break;
      if (unique) {
        if (names.has(header.name)) throw corrupt(`${what} holds ${quote(header.name)} twice`);
        names.add(header.name);
      }
      const body = new Body(reader, header.size, `${what}: ${quote(header.name)}`);
      yield { header, body };
      await body.finish();
      signal?.throwIfAborted();
    }
    await reader.skip(Infinity);
  } finally {
    await reader.close();
  }
}

/** One entry's bytes, out of the archive's. */
class Body implements AsyncIterable<Uint8Array> {
  readonly #reader: ByteReader;
  readonly #what: string;
  readonly #padding: number;
  #left: number;
  #closed = false;

  constructor(reader: ByteReader, size: number, what: string) {
    this.#reader = reader;
    this.#left = size;
    this.#padding = paddingOf(size);
    this.#what = what;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#closed)
        throw new OciError('INVALID_OPTION', `${this.#what} was left behind and cannot be read`);
      if (this.#left === 0) return;
      const bytes = await this.#reader.some(this.#left);
      if (bytes === undefined) throw this.#short();
      this.#left -= bytes.length;
      yield bytes;
    }
  }

  /** Passes over the rest, and what pads it. */
  async finish(): Promise<void> {
    this.#closed = true;
    const rest = this.#left + this.#padding;
    if ((await this.#reader.skip(rest)) < rest) throw this.#short();
  }

  #short(): OciError {
    return corrupt(`${this.#what} is damaged: the archive ends in the middle of its body`);
  }
}

/** Gives the next bytes of an archive, exactly so many unless it ends before. */
export type HeaderReader = Pick<ByteReader, 'take'>;

/** Reads up to the next entry's body; undefined at the archive's end. */
export async function nextHeader(
  reader: HeaderReader,
  what: string,
): Promise<(TarHeader & { readonly size: number }) | undefined> {
  let records = new Map<string, string>();
  const long = new Map<string, string>();
  let special = false;
  for (;;) {
    const raw = await rawHeader(reader, what);
    if (raw === undefined) {
      if (special) throw corrupt(`${what} is damaged: it ends after a header that tells of an entry`);
      return undefined;
    }
    if (raw.flag === 'g') await specialBody(reader, raw, what);
    else if (raw.flag === 'x') records = parsePax(await specialBody(reader, raw, what), what);
    else if (raw.flag === 'L') long.set('path', cString(await specialBody(reader, raw, what)));
    else if (raw.flag === 'K') long.set('linkpath', cString(await specialBody(reader, raw, what)));
    // A PAX record is nearer than GNU's long name.
    else return mergeHeader(raw, new Map([...long, ...records]), what);
    special ||= raw.flag !== 'g';
  }
}

async function rawHeader(reader: HeaderReader, what: string): Promise<RawHeader | undefined> {
  const block = await reader.take(BLOCK);
  if (block.length === 0) return undefined;
  if (block.length < BLOCK) throw corrupt(`${what} is damaged: it ends in the middle of a tar header`);
  if (!isZero(block)) return decodeHeader(block, what);
  const second = await reader.take(BLOCK);
  if (second.length === 0 || (second.length === BLOCK && isZero(second))) return undefined;
  throw corrupt(`${what} is damaged: a single block of zeros stands between entries`);
}

async function specialBody(reader: HeaderReader, raw: RawHeader, what: string): Promise<Uint8Array> {
  if (raw.size > SPECIAL_LIMIT) {
    throw new OciError(
      'SIZE_LIMIT',
      `${what} has a header of ${raw.size} bytes: at most ${SPECIAL_LIMIT} are read`,
      {
        detail: { limit: SPECIAL_LIMIT },
      },
    );
  }
  const padded = await reader.take(raw.size + paddingOf(raw.size));
  if (padded.length < raw.size + paddingOf(raw.size)) {
    throw corrupt(`${what} is damaged: it ends in the middle of a tar header`);
  }
  return padded.subarray(0, raw.size);
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** Text up to the first NUL. */
function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
