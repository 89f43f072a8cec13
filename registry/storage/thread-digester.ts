import type { Digest, DigestAlgorithm } from '../../oci/index.js';
import { memoryOf } from './spent.js';

/** Bytes gathered before they are sent: a message costs as much as the hash of a few kilobytes. */
const SEND_AT = 512 * 1024;
/** Bytes that wait for the thread from which on the sender is held back. */
const HOLD_AT = 4 * 1024 * 1024;

/** Bytes of one digest on their way to the thread. */
export interface Message {
  readonly algorithm: DigestAlgorithm;
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** Their memory, which goes with them. */
  readonly memory: readonly ArrayBuffer[];
  /** Whether the digest is wanted, as of these. */
  readonly ask: boolean;
}

/** The digest of a growing upload, made in another thread. `digest()` may be called more than once, and `update` after. */
export class ThreadDigester {
  readonly algorithm: DigestAlgorithm;
  readonly #send: (message: Message) => void;
  #size = 0;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #gathered = 0;
  /** Bytes sent and not answered. */
  #away = 0;
  #messages = 0;
  /** Who is held back. */
  readonly #held: (() => void)[] = [];
  readonly #asked: { resolve(digest: Digest): void; reject(error: unknown): void }[] = [];
  #error: unknown;

  constructor(algorithm: DigestAlgorithm, send: (message: Message) => void) {
    this.algorithm = algorithm;
    this.#send = send;
  }

  /** Bytes taken in so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a chunk. A promise, which never fails, means: wait for it before the next one.
   * @param spare nobody needs the chunk any more: its memory is taken where it is owned
   */
  update(chunk: Uint8Array, spare: boolean): Promise<void> | undefined {
    this.#size += chunk.byteLength;
    if (this.#error !== undefined) return undefined;
    this.#chunks.push(
      spare && memoryOf(chunk) !== undefined ? (chunk as Uint8Array<ArrayBuffer>) : new Uint8Array(chunk),
    );
    this.#gathered += chunk.byteLength;
    if (this.#gathered >= SEND_AT) this.#post(false);
    if (this.#away <= HOLD_AT) return undefined;
    return new Promise((resolve) => this.#held.push(resolve));
  }

  /** @throws unknown when the thread has ended, or cannot be had: the bytes must be read again */
  async digest(): Promise<Digest> {
    if (this.#error !== undefined) throw this.#error;
    return await new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#post(true);
    });
  }

  /** Told by the thread; returns how many messages are unanswered. */
  answered(bytes: number, hex: string | undefined): number {
    this.#away -= bytes;
    if (hex !== undefined) this.#asked.shift()?.resolve(`${this.algorithm}:${hex}` as Digest);
    if (this.#away <= HOLD_AT) this.#letGo();
    return --this.#messages;
  }

  /** Told when the thread ended. */
  fail(error: unknown): void {
    this.#error = error;
    this.#chunks = [];
    for (const asked of this.#asked.splice(0)) asked.reject(error);
    this.#letGo();
  }

  #post(ask: boolean): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#away += this.#gathered;
    this.#gathered = 0;
    this.#messages++;
    try {
      this.#send({ algorithm: this.algorithm, chunks, memory: chunks.map(({ buffer }) => buffer), ask });
    } catch (error) {
      this.fail(error);
    }
  }

  #letGo(): void {
    for (const go of this.#held.splice(0)) go();
  }
}
