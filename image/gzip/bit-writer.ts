/** Output is handed on in chunks of this size, less the room a block may need. */
const CHUNK = 256 * 1024;
/** More than any one block takes: all literals, and 18 bits more for each of the most matches. */
const BLOCK_ROOM = 112 * 1024;

/** Bits and bytes into chunks; the first bit is the lowest of its byte (RFC 1951, 3.1.1). */
export class BitWriter {
  /** The chunk being filled, where its next byte goes, and up to 7 bits that wait. */
  view: DataView = newChunk();
  at = 0;
  waiting = 0;
  waitingBits = 0;
  #full: Uint8Array[] = [];

  /** Makes room for a block: to be called before each. */
  reserve(): void {
    if (this.view.byteLength - this.at >= BLOCK_ROOM) return;
    this.#full.push(this.#filled());
    this.view = newChunk();
    this.at = 0;
  }

  /** The lowest `count` bits of `value`; at most 24, and the others are zero. May overwrite the 3 bytes that follow. */
  bits(value: number, count: number): void {
    this.waiting |= value << this.waitingBits;
    this.waitingBits += count;
    this.view.setInt32(this.at, this.waiting, true);
    this.at += this.waitingBits >>> 3;
    this.waiting >>>= this.waitingBits & 24;
    this.waitingBits &= 7;
  }

  /** Zero bits up to the next whole byte. */
  align(): void {
    this.bits(0, -this.waitingBits & 7);
  }

  /** Whole bytes, after `align`. */
  copy(bytes: Uint8Array): void {
    new Uint8Array(this.view.buffer, this.view.byteOffset + this.at).set(bytes);
    this.at += bytes.length;
  }

  /** A number of 32 bits, the lowest byte first, after `align`. */
  uint32(value: number): void {
    this.view.setInt32(this.at, value, true);
    this.at += 4;
  }

  /** Takes the chunks that are full, or with `rest` all bytes so far (bits that wait are kept). They are the caller's. */
  take(rest: boolean): Uint8Array[] {
    const taken = this.#full;
    this.#full = [];
    if (!rest || this.at === 0) return taken;
    taken.push(this.#filled());
    this.view = new DataView(this.view.buffer, this.view.byteOffset + this.at);
    this.at = 0;
    return taken;
  }

  #filled(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, this.at);
  }
}

/** Without zeroing: every byte is written before it is handed on. */
function newChunk(): DataView {
  return new DataView(Buffer.allocUnsafeSlow(CHUNK).buffer);
}
