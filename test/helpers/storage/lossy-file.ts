import type { Random } from './random.js';
import type { Effect } from './steps.js';

interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
  /** A sync that failed has told of it: no later one makes it durable. */
  lost: boolean;
}

/** The content of one file: as it reads now, and as it would read after a power loss. */
export class LossyFile {
  #content = Buffer.alloc(0);
  #durable = Buffer.alloc(0);
  #pending: Write[] = [];

  get size(): number {
    return this.#content.byteLength;
  }

  read(buffer: Uint8Array, position: number): number {
    const part = this.#content.subarray(position, position + buffer.byteLength);
    buffer.set(part);
    return part.byteLength;
  }

  write(bytes: Uint8Array, at: number, effect: Effect, random: Random): void {
    const length = { none: 0, part: random.below(bytes.byteLength + 1), all: bytes.byteLength }[effect];
    if (length === 0) return;
    const taken = bytes.subarray(0, length);
    this.#content = overwrite(this.#content, taken, at);
    this.#pending.push({ at, bytes: taken, lost: false });
  }

  sync(): void {
    for (const { at, bytes, lost } of this.#pending)
      if (!lost) this.#durable = overwrite(this.#durable, bytes, at);
    // What was lost leaves a hole.
    this.#durable = stretch(this.#durable, this.#content.byteLength);
    this.#pending = this.#pending.filter(({ lost }) => lost);
  }

  /** A sync failed: what was not durable never will be, though it can be read until the power goes. */
  loseWrites(): void {
    for (const write of this.#pending) write.lost = true;
  }

  /** Some of what was not synced is there, some torn; the length may be there without the bytes. */
  losePower(random: Random): void {
    let content = this.#durable;
    for (const { at, bytes, lost } of this.#pending) {
      if (lost || random.chance(0.5)) continue;
      const kept = random.chance(0.5) ? bytes.byteLength : random.below(bytes.byteLength + 1);
      content = overwrite(content, bytes.subarray(0, kept), at);
    }
    if (random.chance(0.5)) content = stretch(content, random.below(this.#content.byteLength + 1));
    this.#content = content;
    this.#durable = content;
    this.#pending = [];
  }
}

/** A copy of the content with zeroes behind it, up to a size. */
function stretch(content: Buffer<ArrayBuffer>, size: number): Buffer<ArrayBuffer> {
  if (size <= content.byteLength) return content;
  const longer = Buffer.alloc(size);
  longer.set(content);
  return longer;
}

function overwrite(content: Buffer<ArrayBuffer>, bytes: Uint8Array, at: number): Buffer<ArrayBuffer> {
  const changed = Buffer.from(stretch(content, at + bytes.byteLength));
  changed.set(bytes, at);
  return changed;
}
