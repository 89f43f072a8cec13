import { OciError, Slots, type ByteStream, type CallOptions } from '../../oci/index.js';
import { TAR_END_SIZE, writeEntry } from '../tar/index.js';
import type { Output } from './output.js';

/** What all entries of an archive have in common. */
export interface HeaderOptions {
  /** Seconds since 1970 for every entry. Default 0. Give `SOURCE_DATE_EPOCH` here, where it is meant to count. */
  readonly mtime?: number;
}

/**
 * Writes a tar entry by entry, with headers that depend on names and sizes only: mode 0644, owner 0. After a failure it is
 * broken, since an entry cannot be taken back, and takes nothing more.
 */
export class ArchiveWriter {
  readonly #output: Output;
  readonly #mtime: number;
  readonly #onBytes: ((bytes: Uint8Array) => void) | undefined;
  readonly #turn = new Slots(1);
  #state: 'open' | 'broken' | 'ended' = 'open';

  /** @param onBytes hears of all bytes, in their order */
  constructor(
    output: Output,
    { mtime = 0, onBytes }: HeaderOptions & { readonly onBytes?: (bytes: Uint8Array) => void },
  ) {
    if (!Number.isSafeInteger(mtime) || mtime < 0)
      throw new OciError('INVALID_OPTION', `mtime ${mtime} is not valid: expected whole seconds since 1970`);
    this.#output = output;
    this.#mtime = mtime;
    this.#onBytes = onBytes;
  }

  get name(): string {
    return this.#output.name;
  }

  /**
   * Writes a file. Two at once come one after the other.
   * @param unless asked when its turn has come: true leaves it out
   * @throws OciError `STORE_FULL`, `SIZE_INVALID` for a body of another size, what the body and the output throw
   */
  async file(
    name: string,
    size: number,
    body: () => ByteStream | Iterable<Uint8Array>,
    { signal, unless }: CallOptions & { readonly unless?: () => boolean } = {},
  ): Promise<boolean> {
    const release = await this.#turn.take(signal);
    try {
      this.#check();
      if (unless?.() === true) return false;
      this.#state = 'broken';
      const header = { name, type: 'file', mode: 0o644, mtime: this.#mtime, size } as const;
      for await (const bytes of writeEntry({ ...header, body: body() })) {
        signal?.throwIfAborted();
        await this.#write(bytes, signal === undefined ? {} : { signal });
      }
      this.#state = 'open';
      return true;
    } finally {
      release();
    }
  }

  /** Writes a file of bytes in memory. */
  async bytes(name: string, bytes: Uint8Array, options?: CallOptions): Promise<void> {
    await this.file(name, bytes.length, () => [bytes], options);
  }

  /** Writes the end of the archive; only after this it is there. */
  async finish(options: CallOptions = {}): Promise<void> {
    const release = await this.#turn.take(options.signal);
    try {
      this.#check();
      this.#state = 'broken';
      await this.#write(new Uint8Array(TAR_END_SIZE), options);
      await this.#output.finish(options);
      this.#state = 'ended';
    } finally {
      release();
    }
  }

  async abandon(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    await this.#output.abandon();
  }

  #check(): void {
    if (this.#state === 'open') return;
    const why = this.#state === 'ended' ? 'is closed' : 'is cut where an entry failed: begin again';
    throw new OciError('INVALID_OPTION', `${this.name} ${why}`);
  }

  async #write(bytes: Uint8Array, options: CallOptions): Promise<void> {
    this.#onBytes?.(bytes);
    await this.#output.write(bytes, options);
  }
}
