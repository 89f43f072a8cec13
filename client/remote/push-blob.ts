import {
  isOciError,
  type Blob,
  type CallOptions,
  type Descriptor,
  type OnProgress,
} from '../../oci/index.js';
import { responseDetail } from '../errors.js';
import type { UploadPage } from '../journal/journal.js';
import type { RetryOptions } from '../layers/retry.js';
import { Patience } from '../patience.js';
import { isPassing } from '../passing.js';
import { mountOrOpen } from './mount.js';
import { Pieces, isWrongContent } from './pieces.js';
import { hasBlob } from './present.js';
import type { RemoteRepository } from './repository.js';
import type { UploadState } from './uploads.js';

/** What all blobs of a sink have in common. */
export interface PushRules {
  /** Bytes of a piece; what is no larger goes in one. It becomes smaller where the registry cannot take so much. */
  chunkSize: number;
  readonly retry: RetryOptions;
  readonly onNotice: (notice: string) => void;
  /** True once the registry has refused pieces. */
  whole: boolean;
  /** Whether small blobs are sent with the request that opens their upload; false once that was not taken. */
  atOnce: boolean;
}

/** How one blob is pushed. */
export interface PushOptions extends CallOptions {
  /** Repositories of this registry that have the blob. */
  readonly from: readonly string[];
  readonly onProgress?: OnProgress;
  /** What is remembered of an earlier try. */
  readonly page: UploadPage;
}

/** Blobs of no more bytes are sent without a look whether they are there: the look takes as long. */
const SMALL = 16 * 1024;
/** Pieces are made no smaller than this, in bytes. */
const LEAST = 1024 * 1024;
/** Uploads of one blob that may be lost or fall into disorder, before it is given up. */
const RESTARTS = 3;
/** Bytes that let failures count from the start again. */
const GAIN = 64 * 1024;

/** One blob on its way into a repository. */
export class BlobPush {
  readonly #repository: RemoteRepository;
  readonly #rules: PushRules;
  readonly #options: PushOptions;
  readonly #call: CallOptions;
  readonly #descriptor: Descriptor;
  readonly #pieces: Pieces;
  readonly #patience: Patience;
  #location = '';
  /** Bytes that the registry has. */
  #at = 0;
  #chunk: number;
  /** True when the upload holds bytes of an earlier try. */
  #continued = false;
  /** True once the registry has taken a piece. */
  #pieceTaken = false;
  #restarts = 0;

  constructor(repository: RemoteRepository, rules: PushRules, blob: Blob, options: PushOptions) {
    const { signal, onProgress } = options;
    const { descriptor } = blob;
    this.#repository = repository;
    this.#rules = rules;
    this.#options = options;
    this.#call = signal === undefined ? {} : { signal };
    this.#descriptor = descriptor;
    this.#chunk = rules.chunkSize;
    this.#patience = new Patience(rules.retry);
    this.#pieces = new Pieces(blob, {
      ...this.#call,
      ...(onProgress === undefined
        ? {}
        : { onSent: (sent: number) => onProgress({ type: 'bytes', descriptor, sent }) }),
    });
  }

  /** Goes on with an earlier try, else mounts the blob, else sends it, unless it is there. */
  async run(): Promise<'present' | 'mounted' | 'sent'> {
    try {
      const earlier = await this.#resume();
      const done = earlier === 'there' ? undefined : await this.#begin(earlier === 'lost');
      if (done !== undefined) return done;
      await this.#send();
      return 'sent';
    } finally {
      await this.#pieces.close();
    }
  }

  /** What the registry has of an earlier try. */
  async #resume(): Promise<'there' | 'lost' | 'none'> {
    const { page } = this.#options;
    if (page.location === undefined) return 'none';
    const { digest, size } = this.#descriptor;
    const { uploads } = this.#repository;
    const state = await uploads.status(digest, page.location, this.#call);
    const received = state?.received ?? 0;
    if (state !== undefined && received > 0 && received <= size) {
      this.#continueAt(state, received);
      return 'there';
    }
    await page.forget();
    if (state === undefined) return 'lost';
    await uploads.cancel(digest, state.location, this.#call);
    return 'none';
  }

  async #begin(lost: boolean): Promise<'present' | 'mounted' | 'sent' | undefined> {
    const { digest } = this.#descriptor;
    const { uploads } = this.#repository;
    const opened =
      (await mountOrOpen(uploads, this.#descriptor, this.#options.from, this.#call)) ??
      (await this.#atOnce());
    if (opened === 'mounted' || opened === 'sent') return opened;
    if (opened === undefined && (await this.#isThere())) return 'present';
    if (lost) this.#tellLost();
    await this.#open(opened ?? (await uploads.start(digest, this.#call)));
    return undefined;
  }

  /** Sends a small blob in one request; undefined where that is not known to work. */
  async #atOnce(): Promise<'sent' | UploadState | undefined> {
    const { digest, size } = this.#descriptor;
    if (!this.#rules.atOnce || size > SMALL) return undefined;
    try {
      await this.#pieces.begin(0);
      const state = await this.#repository.uploads.whole(digest, this.#pieces.piece(0, size), this.#call);
      if (state !== 'sent') this.#rules.atOnce = false;
      return state;
    } catch (error) {
      if (this.#pieces.isSource(error) || isPassing(error) || isWrongContent(error)) throw error;
      const status = responseDetail(error)?.status ?? 0;
      if (![400, 404, 405, 411, 415, 501].includes(status)) throw error;
      this.#rules.atOnce = false;
      return undefined;
    }
  }

  async #isThere(): Promise<boolean> {
    return await hasBlob(this.#repository, this.#descriptor, this.#call);
  }

  /** A fresh upload. */
  async #open({ location, least = 0 }: UploadState): Promise<void> {
    this.#location = location;
    this.#chunk = Math.max(this.#rules.chunkSize, least);
    this.#at = 0;
    this.#continued = false;
    if (this.#inPieces()) await this.#options.page.keep(this.#location);
  }

  #inPieces(): boolean {
    return !this.#rules.whole && this.#descriptor.size > this.#chunk;
  }

  async #send(): Promise<void> {
    const { page } = this.#options;
    for (;;) {
      try {
        await this.#transfer();
        break;
      } catch (error) {
        if (await this.#recover(error)) break;
      }
    }
    await page.forget();
  }

  /** Sends what the registry does not have yet, and ends the upload. */
  async #transfer(): Promise<void> {
    const { digest, size } = this.#descriptor;
    const { uploads } = this.#repository;
    while (this.#inPieces() && this.#at < size) {
      const length = Math.min(this.#chunk, size - this.#at);
      const piece = this.#pieces.piece(this.#at, length);
      await this.#pieces.begin(this.#at);
      const state = await uploads.append(digest, this.#location, piece, this.#call);
      this.#location = state.location;
      this.#pieceTaken = true;
      const { received = this.#at + length } = state;
      if (received > this.#at) this.#patience.gain();
      this.#at = received > this.#at && received <= size ? received : this.#at + length;
      await this.#options.page.keep(this.#location);
    }
    await this.#pieces.begin(this.#at);
    const rest = this.#pieces.piece(this.#at, size - this.#at);
    await uploads.finish(digest, this.#location, rest, this.#call);
  }

  /**
   * Finds out how to go on after a failure.
   * @returns true: there is nothing more to do
   * @throws the failure itself, when there is no going on
   */
  async #recover(error: unknown): Promise<boolean> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    // What is asked from here on may be a read of the host that the blob comes from, and must not wait for its stream.
    void this.#pieces.close().catch(() => undefined);
    if (this.#pieces.isSource(error)) {
      await this.#giveUp(isWrongContent(error));
      throw error;
    }
    const status = responseDetail(error)?.status;
    if (this.#refusesPieces(status)) {
      this.#rules.whole = true;
      this.#rules.onNotice(`${this.#repository.registry} takes no blobs in pieces; they are sent whole`);
      await this.#restart(error);
      return false;
    }
    if (status === 413 && this.#rules.chunkSize > LEAST) {
      // A limit of what stands before the registry, as many proxies have one.
      this.#rules.chunkSize = Math.max(LEAST, Math.floor(this.#rules.chunkSize / 4));
      await this.#restart(error);
      return false;
    }
    if (status === 404) return await this.#startOver(error);
    if (isOciError(error, 'DIGEST_INVALID') && this.#continued) {
      // What was there before is not what was sent.
      this.#tellLost();
      await this.#restart(error);
      return false;
    }
    // The upload was opened: a token has ended while the bytes of the blob were waited for.
    const outOfStep = status === 416 || status === 401;
    if (!outOfStep && !isPassing(error)) {
      await this.#giveUp(isWrongContent(error));
      throw error;
    }
    if (outOfStep) this.#countRestart(error);
    else await this.#patience.bear(error, signal);
    return await this.#goOn(error);
  }

  /** Registries that take a blob only in one piece say so to the first of several. */
  #refusesPieces(status: number | undefined): boolean {
    if (!this.#inPieces() || this.#pieceTaken || this.#continued) return false;
    return status !== undefined && [400, 405, 411, 415, 416, 501].includes(status);
  }

  /** Asks where the upload stands. */
  async #goOn(error: unknown): Promise<boolean> {
    const { digest, size } = this.#descriptor;
    const state = await this.#repository.uploads.status(digest, this.#location, this.#call);
    if (state === undefined) return await this.#startOver(error);
    const received = state.received ?? 0;
    // Nothing there is also what registries say of one byte; such an upload is not gone on with.
    if (received === 0 || received > size) {
      await this.#restart(error);
      return false;
    }
    if (received - this.#at >= GAIN) this.#patience.gain();
    this.#continueAt(state, received);
    return false;
  }

  #continueAt({ location }: UploadState, received: number): void {
    this.#location = location;
    this.#at = received;
    this.#continued = true;
  }

  /** The registry does not know the upload any more: it is over, or forgotten. */
  async #startOver(error: unknown): Promise<boolean> {
    if (await this.#isThere()) return true;
    if (this.#at > 0) this.#tellLost();
    this.#location = '';
    await this.#restart(error);
    return false;
  }

  async #restart(error: unknown): Promise<void> {
    this.#countRestart(error);
    const { digest } = this.#descriptor;
    const { uploads } = this.#repository;
    if (this.#location !== '') await uploads.cancel(digest, this.#location, this.#call);
    await this.#options.page.forget();
    await this.#open(await uploads.start(digest, this.#call));
  }

  #countRestart(error: unknown): void {
    if (this.#restarts === RESTARTS) throw error;
    this.#restarts++;
  }

  /** @param wrong true: what was sent is no good, and must not be gone on with */
  async #giveUp(wrong: boolean): Promise<void> {
    const { page } = this.#options;
    if (page.kept && !wrong) return;
    await page.forget();
    await this.#repository.uploads.cancel(this.#descriptor.digest, this.#location, this.#call);
  }

  #tellLost(): void {
    const name = this.#repository.name('blob', this.#descriptor.digest);
    this.#rules.onNotice(
      `${name}: the registry has lost what was uploaded before; it is sent again from its start`,
    );
  }
}
