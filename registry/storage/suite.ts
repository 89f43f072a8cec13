import { OciError, type ErrorCode } from '../../oci/index.js';

/** The caller's own `test`: that of vitest, jest, node:test, or any other that takes a name and a function. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

/** For `assert.rejects`: the error is one of ours, with this code. */
export const withCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof OciError && error.code === code;

/** Bytes that do not repeat within a chunk, the same on every machine. */
export function pattern(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** A list of all that comes. */
export async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
