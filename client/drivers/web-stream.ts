import type { ByteStream } from '../../oci/index.js';

/**
 * A web stream of bytes: nothing is read before it is asked for.
 * @param left called when nobody reads on before the end
 */
export function webStream(
  source: ByteStream,
  left: () => Promise<void> = () => Promise.resolve(),
): ReadableStream<Uint8Array> {
  let bytes: AsyncIterator<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        bytes ??= source[Symbol.asyncIterator]();
        const { done, value } = await bytes.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await bytes?.return?.();
        await left();
      },
    },
    { highWaterMark: 0 },
  );
}
