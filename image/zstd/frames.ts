import type { ByteReader } from '../byte-reader.js';
import { corrupt } from '../corrupt.js';
import { OciError } from '../../oci/index.js';

const MAGIC = 0xfd2fb528;
/** Sixteen magic numbers, up to this with 15 more, begin frames that are skipped. */
const SKIPPABLE = 0x184d2a50;
/** The window that zstd's own decoder takes unless told otherwise. */
const WINDOW_LIMIT = 128 * 1024 * 1024;
const BLOCK_LIMIT = 128 * 1024;
const RLE = 1;
const RESERVED = 3;

/** The head of a frame, as it stands in the stream. */
export interface Frame {
  readonly header: Uint8Array;
  readonly checksum: boolean;
}

/**
 * Reads up to the next frame's blocks (RFC 8878, 3.1.1), passing over skippable frames. Undefined at the end.
 * @throws OciError `CONTENT_INVALID`, or `UNSUPPORTED` for a dictionary or a window above 128 MiB
 */
export async function nextFrame(reader: ByteReader, what: string): Promise<Frame | undefined> {
  for (;;) {
    const magic = await reader.take(4);
    if (magic.length === 0) return undefined;
    const number = little(whole(magic, 4, what));
    if (number === MAGIC) return frameHeader(reader, magic, what);
    if (number - SKIPPABLE < 0 || number - SKIPPABLE > 15) {
      throw corrupt(`${what} is damaged: a zstd frame must begin with its magic number`);
    }
    const size = little(whole(await reader.take(4), 4, what));
    if ((await reader.skip(size)) < size) throw short(what);
  }
}

async function frameHeader(reader: ByteReader, magic: Uint8Array, what: string): Promise<Frame> {
  const [descriptor = 0] = whole(await reader.take(1), 1, what);
  const single = (descriptor & 0x20) !== 0;
  const dictionarySize = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const size = (single ? 0 : 1) + dictionarySize + contentSize;
  const fields = whole(await reader.take(size), size, what);
  if (fields.subarray(single ? 0 : 1, size - contentSize).some((byte) => byte !== 0)) {
    throw new OciError('UNSUPPORTED', `${what} needs a zstd dictionary, which is not supported`);
  }
  const window = single ? little(fields.subarray(size - contentSize)) : windowSize(fields[0] ?? 0);
  if (window > WINDOW_LIMIT) {
    throw new OciError(
      'UNSUPPORTED',
      `${what} needs a zstd window of ${window} bytes: at most ${WINDOW_LIMIT} are supported`,
    );
  }
  return {
    header: Buffer.concat([magic, Uint8Array.of(descriptor), fields]),
    checksum: (descriptor & 4) !== 0,
  };
}

function windowSize(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

/** The frame's bytes: its header, then each block whole, then its checksum. To be read to the end before what follows. */
export async function* piecesOf(frame: Frame, reader: ByteReader, what: string): AsyncGenerator<Uint8Array> {
  yield frame.header;
  for (let last = false; !last;) {
    const head = whole(await reader.take(3), 3, what);
    const number = little(head);
    last = (number & 1) !== 0;
    const type = (number >> 1) & 3;
    const size = number >> 3;
    if (type === RESERVED || size > BLOCK_LIMIT) throw corrupt(`${what} is damaged: not a zstd block`);
    const body = type === RLE ? 1 : size;
    yield Buffer.concat([head, whole(await reader.take(body), body, what)]);
  }
  if (frame.checksum) yield whole(await reader.take(4), 4, what);
}

/** A number, its lowest byte first; exact up to 2^53. */
function little(bytes: Uint8Array): number {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

/** Passes bytes on when they are as many as were asked for. */
function whole(bytes: Uint8Array, size: number, what: string): Uint8Array {
  if (bytes.length < size) throw short(what);
  return bytes;
}

function short(what: string): OciError {
  return corrupt(`${what} is damaged: it ends in the middle of a zstd frame`);
}
