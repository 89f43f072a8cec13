import { OciError } from '../../oci/index.js';
import { BlockMaker } from './block-maker.js';
import { GzipBlocks } from './blocks.js';

const NOTHING = new Uint8Array(0);

/**
 * A gzip stream, byte for byte as Go's `compress/gzip` writes it at level 1 (`BestSpeed`) with its default header: no
 * name, no time. How the input is cut has no effect on the output. Takes about 900 KiB, whatever the size.
 *
 * Each method gives the output that is ready; put together in order, these chunks are the stream, and they are the
 * caller's to keep. After `end` the encoder is spent until `restart`.
 * @throws OciError `INVALID_OPTION` from every other method after `end`
 */
export class GzipEncoder {
  readonly #blocks = new GzipBlocks();
  readonly #maker = new BlockMaker(this.#blocks);
  #ended = false;

  /** Takes in bytes, which are copied. Output comes in pieces of about 150 KiB, so mostly there is none. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#refuseEnded();
    this.#maker.push(bytes);
    return this.#blocks.output(false);
  }

  /** Writes out all that was taken in, aligned by an empty stored block. Costs size: only for a reader that waits. */
  flush(): Uint8Array[] {
    this.#refuseEnded();
    this.#maker.flush();
    this.#blocks.stored(NOTHING);
    return this.#blocks.output(true);
  }

  /** Writes the rest and the trailer. */
  end(): Uint8Array[] {
    this.#refuseEnded();
    this.#ended = true;
    this.#maker.flush();
    this.#blocks.end();
    return this.#blocks.output(true);
  }

  /** Begins another stream after `end`, as a new encoder would, but without what making one costs. */
  restart(): void {
    this.#ended = false;
    this.#maker.restart();
    this.#blocks.restart();
  }

  #refuseEnded(): void {
    if (this.#ended)
      throw new OciError('INVALID_OPTION', 'gzip: the stream has ended and takes no more input');
  }
}
