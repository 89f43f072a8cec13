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
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
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
