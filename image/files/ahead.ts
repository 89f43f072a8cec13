import { readFile } from 'node:fs';
import { promisify } from 'node:util';

/** A file, and its size in bytes as it was seen. */
export interface SizedFile {
  readonly path: string;
  readonly size: number;
}

/** An entry of a walk, and what is in its file where that is on its way already. */
export interface Loaded<E> {
  readonly entry: E;
  readonly content: Promise<Uint8Array> | undefined;
}

/** That of node:fs/promises takes three times as long for a small file. */
const read = promisify(readFile);

/** Larger files are left to who writes them, in bytes. */
const SMALL = 1 << 20;
/** Bytes, and entries, that wait for their turn at most. */
const AHEAD_BYTES = 4 << 20;
const AHEAD = 32;

/**
 * Reads small files before it is their turn: to open and close one takes longer than its bytes.
 * @param fileOf the file of an entry; undefined for one without content
 */
export async function* readAhead<E>(
  entries: AsyncIterable<E>,
  fileOf: (entry: E) => SizedFile | undefined,
): AsyncGenerator<Loaded<E>> {
  const waiting: (Loaded<E> & { readonly size: number })[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    const file = fileOf(entry);
    const content = file !== undefined && file.size <= SMALL ? read(file.path) : undefined;
    // Who awaits it hears of it.
    content?.catch(() => undefined);
    const size = content === undefined ? 0 : (file?.size ?? 0);
    waiting.push({ entry, content, size });
    bytes += size;
    while (waiting.length > AHEAD || bytes > AHEAD_BYTES) {
      const first = waiting.shift();
      if (first === undefined) break;
      bytes -= first.size;
      yield first;
    }
  }
  yield* waiting;
}
