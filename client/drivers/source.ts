import type { RequestBody } from '../transport.js';

/** The bytes of a request while it is sent, and whether it was they that failed: then their error is thrown as it is. */
export class Source {
  failed = false;
  error: unknown;
  readonly #body: RequestBody;

  constructor(body: RequestBody) {
    this.#body = body;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#body.open();
    } catch (error) {
      this.failed = true;
      this.error = error;
      throw error;
    }
  }
}
