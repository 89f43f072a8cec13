import { Digester, OciError, type ByteStream, type DigestAlgorithm } from '../../oci/index.js';
import type { Appender } from './bytes.js';
import type { Core } from './core.js';

/** Bytes taken before the free space of the medium is looked at again. */
const CHECK_EVERY = 16 * 1024 * 1024;

/**
 * Takes in the bytes of one upload: hashes them, holds them in memory while they are few and hands them to the driver
 * when they are not.
 */
export class Intake {
  readonly #core: Core;
  readonly #id: string;
  #digester: Digester;
  #parts: Uint8Array[];
  #appender: Appender | undefined;
  /** The driver knows the upload: its bytes are not in memory. */
  #spooled: boolean;
  #size: number;
  #checkAt: number;

  /** @param state where the upload stands; `digester` has seen exactly its bytes */
  constructor(
    core: Core,
    id: string,
    state: { digester: Digester; part: Uint8Array | undefined; spooled: boolean; size: number },
  ) {
    this.#core = core;
    this.#id = id;
    this.#digester = state.digester;
    this.#parts = state.part === undefined ? [] : [state.part];
    this.#spooled = state.spooled;
    this.#size = state.size;
    this.#checkAt = state.size;
  }

  get size(): number {
    return this.#size;
  }

  get spooled(): boolean {
    return this.#spooled;
  }

  get digester(): Digester {
    return this.#digester;
  }

  /** All bytes, while they are in memory. */
  bytes(): Uint8Array {
    const [only] = this.#parts;
    return this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
  }

  /**
   * Takes a body to its end. When the body fails, what came before stays.
   * @param grow called before bytes are taken, with their number; throws to refuse them
   */
  async take(body: ByteStream, grow?: (bytes: number) => Promise<void> | undefined): Promise<void> {
    for await (const chunk of body) {
      if (chunk.byteLength === 0) continue;
      const refused = grow?.(chunk.byteLength);
      if (refused !== undefined) await refused;
      if (this.#size >= this.#checkAt) await this.#room();
      this.#digester.update(chunk);
      this.#size += chunk.byteLength;
      const full = this.#spooled ? this.#append(chunk) : this.#hold(chunk);
      if (full !== undefined) await full;
    }
  }

  /** Hands over what the driver has; afterwards the upload outlives the process. */
  async close(): Promise<void> {
    const appender = this.#appender;
    this.#appender = undefined;
    await appender?.close();
  }

  #append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#appender !== undefined) return this.#appender.write(chunk);
    return (async () => {
      this.#appender = await this.#core.bytes.append(this.#id);
      await this.#appender.write(chunk);
    })();
  }

  #hold(chunk: Uint8Array): Promise<void> | undefined {
    this.#parts.push(chunk);
    if (this.#parts.length > 64) this.#parts = [Buffer.concat(this.#parts)];
    return this.#size > this.#core.rules.inlineLimit ? this.#spill() : undefined;
  }

  /** The bytes are no longer few. */
  async #spill(): Promise<void> {
    await this.#core.bytes.begin(this.#id);
    this.#spooled = true;
    this.#appender = await this.#core.bytes.append(this.#id);
    const parts = this.#parts;
    this.#parts = [];
    for (const part of parts) await this.#appender.write(part);
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
