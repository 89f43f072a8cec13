import { Digester, OciError, type ByteStream, type Digest } from '../oci/index.js';
import { compress } from './compression.js';
import { EstargzWriter, TOC_DIGEST } from './estargz/index.js';

/** How a plain tar is made a layer. `estargz` is gzip whose files can be fetched one by one. */
export type Packing = 'estargz' | 'gzip' | 'none';

/** A tar on its way into a layer. */
export interface Packed {
  readonly stream: ByteStream;
  /** What is known when the stream has come to its end; before, it throws OciError `INVALID_OPTION`. */
  facts(): PackedFacts;
}

/** What a layer is besides its bytes. */
export interface PackedFacts {
  readonly diffId: Digest;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Packs a tar. The same tar gives the same bytes on every machine. */
export function packTar(tar: ByteStream, packing: Packing): Packed {
  if (packing === 'estargz') {
    const writer = new EstargzWriter(tar);
    return {
      stream: writer.bytes(),
      facts: () => {
        const { facts } = writer;
        if (facts === undefined)
          throw new OciError('INVALID_OPTION', 'the layer has not been read to its end');
        return { diffId: facts.diffId, annotations: { [TOC_DIGEST]: facts.tocDigest } };
      },
    };
  }
  const digester = new Digester();
  return {
    stream: compress(digested(tar, digester), packing),
    facts: () => ({ diffId: digester.digest() }),
  };
}

/** The stream, while a digest of it is made. */
export async function* digested(stream: ByteStream, digester: Digester): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    digester.update(chunk);
    yield chunk;
  }
}
