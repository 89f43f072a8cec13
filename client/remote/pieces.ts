import { OciError, isOciError, type Blob, type ByteStream, type CallOptions } from '../../oci/index.js';
import { ByteReader } from '../../image/byte-reader.js';
import type { Piece } from './uploads.js';

/** Options of `Pieces`. */
export interface PiecesOptions extends CallOptions {
  /** Told where a piece that is being sent stands, in bytes of the blob. */
  readonly onSent?: (sent: number) => void;
}

/**
 * A blob in pieces: one after another they are read from one stream, and a piece that is wanted again, or one from
 * elsewhere, from a fresh one.
 */
export class Pieces {
  /** What reading failed with. */
  #failure: { readonly error: unknown } | undefined;
  readonly #blob: Blob;
  readonly #options: PiecesOptions;
  #reader: ByteReader | undefined;
  #at = 0;
  /** True while a piece is being read: nobody else may read on where it stands. */
  #busy = false;

  constructor(blob: Blob, options: PiecesOptions = {}) {
    this.#blob = blob;
    this.#options = options;
  }

  /** True for an error of the blob itself, and of no upload. */
  isSource(error: unknown): boolean {
    return this.#failure !== undefined && this.#failure.error === error;
  }

  /** So many bytes from a position. What is read from a position other than 0 is checked by the registry only. */
  piece(start: number, length: number): Piece {
    return { start, length, open: () => this.#open(start, length) };
  }

  /**
   * Waits for the first bytes from a position on. Whoever sends them then has nothing to wait for: the requests of others
   * that come from the same host, and stand in line for it, do not stand in each other's way.
   * @throws what opening and reading the blob throws
   */
  async begin(start: number): Promise<void> {
    if (start >= this.#blob.descriptor.size) return;
    try {
      const reader = await this.#seek(start, false);
      const bytes = await reader.some(Infinity);
      if (bytes !== undefined) reader.unread(bytes);
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.close();
  }

  async *#open(start: number, length: number): AsyncGenerator<Uint8Array> {
    const end = start + length;
    if (start === end) return;
    let at = start;
    let reader: ByteReader | undefined;
    try {
      // Sent again, in the middle of a request: those that read from the same host may wait for its end.
      reader = await this.#seek(start, true);
      while (at < end) {
        const bytes = await reader.some(end - at);
        // Another piece has been asked for meanwhile, and nobody waits for this one.
        if (reader !== this.#reader) return;
        if (bytes === undefined) throw this.#short(at);
        at += bytes.byteLength;
        this.#at = at;
        this.#options.onSent?.(at);
        yield bytes;
      }
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      if (reader === this.#reader) this.#busy = false;
    }
  }

  async #seek(start: number, aside: boolean): Promise<ByteReader> {
    const free = !this.#busy;
    this.#busy = true;
    if (free && this.#reader !== undefined && this.#at === start) return this.#reader;
    // A stream that waits for its next bytes closes only when it has them.
    void this.close().catch(() => undefined);
    const { signal } = this.#options;
    const call = { ...(signal === undefined ? {} : { signal }), ...(aside ? { aside } : {}) };
    const end = this.#blob.descriptor.size - 1;
    const stream: ByteStream = await this.#blob.open(start === 0 ? call : { ...call, range: { start, end } });
    this.#reader = new ByteReader(stream);
    this.#at = start;
    return this.#reader;
  }

  #short(at: number): OciError {
    const { digest, size } = this.#blob.descriptor;
    return new OciError('DIGEST_MISMATCH', `blob ${digest}: expected ${size} bytes, got only ${at}`, {
      detail: { expected: digest, size, received: at },
    });
  }
}

/** True for content that is not what its descriptor names. */
export function isWrongContent(error: unknown): boolean {
  return isOciError(error, 'DIGEST_MISMATCH') || isOciError(error, 'DIGEST_INVALID');
}
