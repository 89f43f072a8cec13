import type { ByteRange, ByteStream, Digest } from '../../oci/index.js';
import type { Appender, Bytes, Location } from './bytes.js';

/** Any driver of large bytes, with deleting that can wait: a backup copies what must not go meanwhile. */
export class HeldBytes implements Bytes {
  readonly #bytes: Bytes;
  #holds = 0;
  readonly #waiting = new Set<Location>();

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** From now on published bytes stay; call what is returned to let them go. */
  hold(): () => Promise<void> {
    this.#holds++;
    let held = true;
    return async () => {
      if (!held) return;
      held = false;
      if (--this.#holds > 0) return;
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const location of waiting) await this.#bytes.delete(location);
    };
  }

  async delete(location: Location): Promise<void> {
    if (this.#holds > 0) this.#waiting.add(location);
    else await this.#bytes.delete(location);
  }

  begin(id: string): Promise<void> {
    return this.#bytes.begin(id);
  }

  size(id: string): Promise<number | undefined> {
    return this.#bytes.size(id);
  }

  append(id: string): Promise<Appender> {
    return this.#bytes.append(id);
  }

  publish(id: string, digest: Digest): Promise<Location> {
    return this.#bytes.publish(id, digest);
  }

  abort(id: string): Promise<void> {
    return this.#bytes.abort(id);
  }

  recall(id: string, digest: Digest): Promise<void> {
    return this.#bytes.recall(id, digest);
  }

  read(id: string): Promise<ByteStream> {
    return this.#bytes.read(id);
  }

  open(location: Location, range: ByteRange): Promise<ByteStream> {
    return this.#bytes.open(location, range);
  }

  list(): ReturnType<Bytes['list']> {
    return this.#bytes.list();
  }

  uploads(): AsyncIterable<string> {
    return this.#bytes.uploads();
  }

  flush(): Promise<void> {
    return this.#bytes.flush();
  }
}
