import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { BlockMaker } from './block-maker.js';
import type { Blocks } from './blocks.js';
import { PIECE_MEMORY, Recorder, type Piece } from './recorder.js';

/** The program of the thread, set by the build: see `thread-main.ts`. */
declare const OCILOT_GZIP_THREAD: string | undefined;

/** What the thread is told. */
export interface Order {
  /** Its memory goes with it. */
  readonly piece: Piece;
  readonly last: boolean;
}

/** What came of a piece, and its memory. */
export interface Packed {
  readonly chunks: readonly Uint8Array[];
  readonly memory: ArrayBuffer;
}

/** Bytes that are looked at in one go. */
const STEP = 256 * 1024;
/** Pieces that are on their way at once: the thread has work while the next ones are made. */
const AHEAD = 4;

const program = (): string => (typeof OCILOT_GZIP_THREAD === 'string' ? OCILOT_GZIP_THREAD : '');

/** Whether a thread can be had, and has a core of its own. */
export const hasThread = (): boolean => program() !== '' && availableParallelism() > 1;

/**
 * A gzip encoder whose work is shared: matches are searched here, where each depends on those before, and the blocks are
 * coded in a thread, which takes as long. The thread keeps no process alive that waits for nothing.
 */
export class GzipThread {
  readonly #worker = new Worker(program(), { eval: true, execArgv: [], env: {} });
  /** Whatever is written down now. */
  #recorder: Recorder | undefined;
  readonly #maker: BlockMaker;
  readonly #spare: ArrayBuffer[] = [];
  #made = 0;
  #away = 0;
  #ready: Uint8Array[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor() {
    const recorder = (): Recorder => {
      if (this.#recorder === undefined) throw new Error('no room was made for a block');
      return this.#recorder;
    };
    const blocks: Blocks = {
      stored: (block) => recorder().stored(block),
      literals: (block) => recorder().literals(block),
      matches: (block, found, count) => recorder().matches(block, found, count),
    };
    this.#maker = new BlockMaker(blocks);
    this.#worker.unref();
    this.#worker.on('message', ({ chunks, memory }: Packed) => {
      this.#ready.push(...chunks);
      this.#spare.push(memory);
      if (--this.#away === 0) this.#worker.unref();
      this.#wake();
    });
    const fail = (error: unknown): void => {
      this.#failure ??= { error };
      this.#wake();
    };
    this.#worker.once('error', fail);
    this.#worker.once('exit', () => fail(new Error('the thread that packs has ended')));
  }

  /** Takes bytes in, which are copied; returns when there is room for more. Throws what ended the thread. */
  async push(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += STEP) {
      const step = bytes.subarray(at, at + STEP);
      // oxlint-disable-next-line no-await-in-loop -- until there is room
      await this.#makeRoom(step.length);
      this.#maker.push(step);
    }
  }

  /** Output that is ready, for the caller to keep. */
  take(): Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** Ends the stream: returns the rest of its output. Throws what ended the thread. */
  async end(): Promise<Uint8Array[]> {
    const recorder = await this.#makeRoom(0);
    this.#maker.flush();
    this.#send(recorder, true);
    while (this.#away > 0) await this.#change();
    return this.take();
  }

  async close(): Promise<void> {
    this.#failure ??= { error: new Error('the thread that packs was closed') };
    await this.#worker.terminate();
  }

  async #makeRoom(bytes: number): Promise<Recorder> {
    if (this.#recorder?.hasRoom(bytes) === false) this.#send(this.#recorder, false);
    return (this.#recorder ??= new Recorder(await this.#memory()));
  }

  #send({ piece }: Recorder, last: boolean): void {
    if (this.#away++ === 0) this.#worker.ref();
    this.#worker.postMessage({ piece, last } satisfies Order, [piece.memory]);
    this.#recorder = undefined;
  }

  async #memory(): Promise<ArrayBuffer> {
    while (this.#spare.length === 0 && this.#made === AHEAD) await this.#change();
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    this.#made++;
    return new ArrayBuffer(PIECE_MEMORY);
  }

  /** Resolves when the thread has said something; throws what ended it. */
  async #change(): Promise<void> {
    if (this.#failure === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
