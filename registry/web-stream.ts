import type { ByteStream } from '../oci/index.js';

/**
 * A web stream over an async iterable. It reads nothing until it is read itself: whoever makes the iterable reads ahead.
 * @param tell told of a failure before the reader meets it
 */
export function toWebStream(bytes: ByteStream, tell: (error: unknown) => void): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const result = await iterator.next().catch((error: unknown) => {
          tell(error);
          throw error;
        });
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
