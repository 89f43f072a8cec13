import { setMaxListeners } from 'node:events';
import type { CallOptions } from '../../oci/index.js';

/**
 * Runs work on every item, so many at once, started in their order. The first failure stops the rest: their signal
 * aborts, all are waited for, and that failure is thrown.
 * @throws what the work throws; the reason of the signal
 */
export async function forEachAtOnce<T>(
  items: Iterable<T>,
  limit: number,
  { signal }: CallOptions,
  work: (item: T, options: { readonly signal: AbortSignal }) => Promise<void>,
): Promise<void> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const both = anyOf(signal === undefined ? [stop.signal] : [signal, stop.signal]);
  let failure: { readonly error: unknown } | undefined;
  const queue = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !next.done && !both.aborted; next = queue.next()) {
      try {
        // Each worker takes one item after another.
        // oxlint-disable-next-line no-await-in-loop
        await work(next.value, { signal: both });
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, worker));
  signal?.throwIfAborted();
  if (failure !== undefined) throw failure.error;
}

/** Aborts with the first of the signals. Any number may listen to it: of more than ten, Node warns on stderr. */
export function anyOf(signals: readonly AbortSignal[]): AbortSignal {
  const signal = AbortSignal.any([...signals]);
  setMaxListeners(0, signal);
  return signal;
}
