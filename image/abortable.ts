import type { ByteStream, CallOptions } from '../oci/index.js';

/**
 * A stream that ends with the reason of the signal at once, though its source be silent: the next bytes of a pipe, or of a
 * stream that knows no signal, may never come. A source that is left behind is closed, and not waited for.
 */
export async function* abortable(stream: ByteStream, { signal }: CallOptions): AsyncGenerator<Uint8Array> {
  if (signal === undefined) {
    yield* stream;
    return;
  }
  const source = stream[Symbol.asyncIterator]();
  let fail: (reason: unknown) => void = () => undefined;
  const stop = (): void => fail(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  let ended = false;
  try {
    signal.throwIfAborted();
    for (;;) {
      // A promise for each turn: one for all would keep every turn in memory.
      // oxlint-disable-next-line no-await-in-loop
      const { done, value } = await new Promise<IteratorResult<Uint8Array, unknown>>((resolve, reject) => {
        fail = reject;
        source.next().then(resolve, reject);
      });
      if (done === true) {
        ended = true;
        return;
      }
      yield value;
      signal.throwIfAborted();
    }
  } finally {
    signal.removeEventListener('abort', stop);
    if (signal.aborted) leave(stream, source);
    else if (!ended) await source.return?.();
  }
}

/** A generator closes only when what it waits for has come; a stream of Node's can be ended before. */
function leave(stream: ByteStream, source: AsyncIterator<Uint8Array>): void {
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  void source.return?.().then(undefined, () => undefined);
}
