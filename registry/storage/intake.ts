import { Digester, OciError, type ByteStream, type DigestAlgorithm } from '../../oci/index.js';
import type { Appender } from './bytes.js';
import type { Core } from './core.js';
import { spend } from './spent.js';
import type { ThreadDigester } from './thread-digester.js';

/** Bytes taken before the free space of the medium is looked at again. */
const CHECK_EVERY = 16 * 1024 * 1024;
/** A sender of tiny chunks must not cost a buffer object each. */
const MANY = 64;

/** Hashes here while the bytes are few, and where the store has one in a thread of its own when they are not. */
export type RunningDigest = Digester | ThreadDigester;

/** Where an upload stands. */
export interface IntakeState {
  /** Has seen exactly the bytes that are there. */
  readonly digester: RunningDigest;
  readonly size: number;
  /** The bytes, while they are few. */
  readonly part?: Uint8Array | undefined;
  /** What the driver knows them by when they are not. */
  readonly spool?: string | undefined;
}

/** How bytes that are no longer few get to the driver. */
export interface Spooling {
  /** Gives a name that the driver has not met. */
  open(): string;
  /** Told when the driver has the bytes; what held the few must stay until `close`. */
  taken?(spool: string): Promise<void>;
  /** Told when the driver could not take them. */
  drop(spool: string): void;
}

/**
 * Takes in the bytes of one upload: hashes them, holds them in memory while they are few and hands them to the driver
 * when they are not.
 */
export class Intake {
  readonly #core: Core;
  readonly #spooling: Spooling;
  #digester: RunningDigest;
  #parts: Uint8Array[];
  #appender: Appender | undefined;
  #spool: string | undefined;
  #size: number;
  #checkAt: number;
  #sound = true;

  constructor(core: Core, { digester, size, part, spool }: IntakeState, spooling: Spooling) {
    this.#core = core;
    this.#spooling = spooling;
    this.#digester = digester;
    this.#parts = part === undefined ? [] : [part];
    this.#spool = spool;
    this.#size = size;
    this.#checkAt = size;
  }

  get size(): number {
    return this.#size;
  }

  /** Of the bytes taken in, unless the driver failed. */
  get digester(): RunningDigest {
    return this.#digester;
  }

  /** What the driver knows the bytes by; undefined while they are in memory. */
  get spool(): string | undefined {
    return this.#spool;
  }

  /**
   * False when the driver failed. What it has then cannot be trusted, whatever it says later: a system tells of bytes
   * that it lost only once.
   */
  get sound(): boolean {
    return this.#sound;
  }

  /** All bytes, while they are in memory, and no memory besides. */
  bytes(): Uint8Array {
    const [only] = this.#parts;
    const alone = this.#parts.length === 1 && only?.byteLength === only?.buffer.byteLength;
    return alone && only !== undefined ? only : Buffer.concat(this.#parts);
  }

  /**
   * Takes a body to its end. When the body fails, what came before stays.
   * @param grow called before bytes are taken, with the size they would make; throws to refuse them
   */
  async take(body: ByteStream, grow?: (size: number) => Promise<void> | undefined): Promise<void> {
    for await (const chunk of body) {
      if (chunk.byteLength === 0) continue;
      const refused = grow?.(this.#size + chunk.byteLength);
      if (refused !== undefined) await refused;
      if (this.#size >= this.#checkAt) await this.#room();
      this.#size += chunk.byteLength;
      const full = this.#spool === undefined ? this.#hold(chunk) : this.#append(this.#spool, chunk);
      if (full !== undefined) await full;
      const behind = this.#hash(chunk);
      if (behind !== undefined) await behind;
    }
  }

  /** Hands over what the driver has; afterwards the upload outlives the process. */
  async close(): Promise<void> {
    const appender = this.#appender;
    this.#appender = undefined;
    if (appender !== undefined) await this.trust(appender.close());
  }

  /** Waits for work of the driver on which the bytes depend. */
  async trust<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#sound = false;
      throw error;
    }
  }

  /** Hashes a chunk that the driver has, or that is held, and frees it when the driver has made a copy. */
  #hash(chunk: Uint8Array): Promise<void> | undefined {
    const spare = this.#appender?.copies === true;
    if (!(this.#digester instanceof Digester)) return this.#digester.update(chunk, spare);
    this.#digester.update(chunk);
    if (spare) spend(chunk);
    return undefined;
  }

  #append(spool: string, chunk: Uint8Array): Promise<void> | undefined {
    const written = this.#appender?.write(chunk);
    if (this.#appender !== undefined) return written === undefined ? undefined : this.trust(written);
    return this.trust(
      (async () => {
        this.#appender = await this.#core.bytes.append(spool);
        await this.#appender.write(chunk);
      })(),
    );
  }

  #hold(chunk: Uint8Array): Promise<void> | undefined {
    this.#parts.push(chunk);
    if (this.#parts.length > MANY) this.#parts = [Buffer.concat(this.#parts)];
    return this.#size > this.#core.rules.inlineLimit ? this.#spill() : undefined;
  }

  /** The bytes are no longer few. When this fails they are still in memory. */
  async #spill(): Promise<void> {
    const { bytes } = this.#core;
    const spool = this.#spooling.open();
    let appender: Appender | undefined;
    try {
      await bytes.begin(spool);
      appender = await bytes.append(spool);
      for (const part of this.#parts) await appender.write(part);
      await this.#spooling.taken?.(spool);
    } catch (error) {
      await appender?.close().catch(() => undefined);
      await bytes.abort(spool).catch(() => undefined);
      this.#spooling.drop(spool);
      throw error;
    }
    this.#appender = appender;
    this.#spool = spool;
    const parts = this.#parts;
    this.#parts = [];
    await this.#hashAside(parts);
  }

  /** From here on the thread hashes. It begins anew: no hash can be handed over. */
  async #hashAside(parts: readonly Uint8Array[]): Promise<void> {
    const aside = this.#core.hashing?.digester(this.#digester.algorithm);
    if (aside === undefined) return;
    // The last chunk comes to it as all that follow.
    await aside.update(Buffer.concat(parts, this.#digester.size), false);
    this.#digester = aside;
  }

  async #room(): Promise<void> {
    this.#checkAt = this.#size + CHECK_EVERY;
    await requireRoom(this.#core, 1);
  }
}

/**
 * Refuses what would fill the medium.
 * @throws OciError `STORE_FULL`
 */
export async function requireRoom(core: Core, bytes: number): Promise<void> {
  const free = await core.free();
  if (free - bytes < core.rules.minFree) {
    throw new OciError(
      'STORE_FULL',
      `the disk is full: ${free} bytes are free, ${core.rules.minFree} are kept for deletes and collection`,
      {
        detail: { free, keep: core.rules.minFree },
      },
    );
  }
}

/** Hashes a stream from its start. */
export async function rehash(stream: ByteStream, algorithm: DigestAlgorithm): Promise<Digester> {
  const digester = new Digester(algorithm);
  for await (const chunk of stream) digester.update(chunk);
  return digester;
}
