import { OciError, type ByteStream } from '../../oci/index.js';

interface Turn {
  /** Ends the body being read, so that the turn comes to its end. */
  readonly stop: () => void;
  readonly done: Promise<void>;
}

/**
 * One request at a time per upload. A newer request ends the body of the one before, which keeps what it wrote: a client
 * that lost its connection need not wait until the dead one is noticed. Bytes of two requests never mix.
 */
export class Turns {
  readonly #turns = new Map<string, Turn>();

  busy(id: string): boolean {
    return this.#turns.has(id);
  }

  /**
   * Runs `work` alone. It gets the body to read, and a function to call when it can no longer be ended.
   * @throws OciError `BLOB_UPLOAD_INVALID` from the body when a newer request took over
   */
  async take<T>(
    id: string,
    body: ByteStream | undefined,
    work: (body: ByteStream, commit: () => void) => Promise<T>,
  ): Promise<T> {
    for (let turn = this.#turns.get(id); turn !== undefined; turn = this.#turns.get(id)) {
      turn.stop();
      await turn.done;
    }
    const guarded = body === undefined ? undefined : new Stoppable(body, id);
    let stoppable = true;
    let end = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#turns.set(id, {
      stop: () => {
        if (stoppable) guarded?.stop();
      },
      done,
    });
    try {
      return await work(guarded ?? nothing(), () => {
        stoppable = false;
      });
    } finally {
      this.#turns.delete(id);
      end();
    }
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** A body that can be ended from outside, also while its sender is silent. */
class Stoppable implements ByteStream, AsyncIterator<Uint8Array> {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #id: string;
  #stopped = false;
  #reject: ((error: unknown) => void) | undefined;

  constructor(body: ByteStream, id: string) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.#id = id;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  stop(): void {
    this.#stopped = true;
    this.#reject?.(this.#error());
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#stopped) throw this.#error();
    return await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      this.#reject = reject;
      this.#iterator.next().then(resolve, reject);
    });
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    const returned = this.#iterator.return?.();
    // A body that hangs is left behind: whoever owns the connection ends it.
    if (this.#stopped) returned?.catch(() => undefined);
    else await returned;
    return { done: true, value: undefined };
  }

  #error(): OciError {
    return new OciError('BLOB_UPLOAD_INVALID', `another request took over upload ${this.#id}`, {
      detail: { upload: this.#id },
    });
  }
}
