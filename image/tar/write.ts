import { OciError, quote, type ByteStream } from '../../oci/index.js';
import { encodeHeader } from './encode.js';
import { BLOCK, paddingOf, type TarHeader } from './header.js';

/** An entry to write: a body is needed where the size is not 0, and must be as long as that. */
export interface TarEntry extends TarHeader {
  readonly body?: ByteStream | Iterable<Uint8Array>;
}

/** The two zero blocks that end an archive; Go, unlike GNU tar, pads no further. */
export const TAR_END_SIZE = 2 * BLOCK;

/**
 * Writes an archive: headers as `encodeHeader` makes them, bodies padded to blocks, two zero blocks at the end. The same
 * entries give the same bytes. Nothing is buffered.
 * @throws OciError `INVALID_OPTION` for an entry no format can hold, `SIZE_INVALID` for a body of another size
 */
export async function* writeTar(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) yield* writeEntry(entry);
  yield new Uint8Array(TAR_END_SIZE);
}

/** One entry of an archive: its header, its body, what pads it. Throws what `writeTar` does. */
export async function* writeEntry({ body, ...header }: TarEntry): AsyncGenerator<Uint8Array> {
  yield encodeHeader(header);
  const size = header.size ?? 0;
  if (body !== undefined) yield* measured(body, size, header.name);
  else if (size > 0) throw wrongSize(header.name, size, 0);
  if (paddingOf(size) > 0) yield new Uint8Array(paddingOf(size));
}

async function* measured(
  body: ByteStream | Iterable<Uint8Array>,
  size: number,
  name: string,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of body) {
    count += chunk.length;
    if (count > size) throw wrongSize(name, size, count);
    yield chunk;
  }
  if (count < size) throw wrongSize(name, size, count);
}

function wrongSize(name: string, size: number, count: number): OciError {
  const came = count > size ? 'more came' : `${count} came`;
  return new OciError('SIZE_INVALID', `tar entry ${quote(name)} is to have ${size} bytes, but ${came}`, {
    detail: { name, size },
  });
}
