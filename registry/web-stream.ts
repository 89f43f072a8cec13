import type { ByteStream } from '../oci/index.js';

/** A web stream over an async iterable that reads two chunks ahead and ends the iterable when it is cancelled. */
export function toWebStream(bytes: ByteStream): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const result = await iterator.next();
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 2 },
  );
}
