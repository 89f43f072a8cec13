import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { ByteStream } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { through } from '../through.js';

/** What node:zlib has from 22.15 on; the types of Node 20 do not know it. */
interface NativeZstd {
  readonly createZstdDecompress: (options: { chunkSize: number }) => Transform;
  readonly createZstdCompress: (options: { params: Record<number, number> }) => Transform;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}

/** How zstd is done: by Node itself, or by packages in JavaScript and WASM. */
export interface ZstdCodec {
  /** Unpacks one frame, given as its header, its blocks and its checksum. */
  readonly unpack: (pieces: ByteStream, what: string) => AsyncGenerator<Uint8Array>;
  /** Packs a stream into one or more frames. */
  readonly pack: (source: ByteStream, level: number) => AsyncGenerator<Uint8Array>;
}

/** A frame of its own for each piece of this size: the WASM packer takes whole pieces only. */
const PIECE = 4 << 20;

/** The codec of node:zlib, or undefined before Node 22.15. */
export function nativeZstd(): ZstdCodec | undefined {
  if (!('createZstdDecompress' in zlib)) return undefined;
  const native = zlib as unknown as NativeZstd;
  return {
    unpack: (pieces, what) => through(pieces, native.createZstdDecompress({ chunkSize: 128 * 1024 }), what),
    pack: (source, level) => {
      const params = { [native.constants.ZSTD_c_compressionLevel]: level };
      return through(source, native.createZstdCompress({ params }), 'zstd input');
    },
  };
}

/** The codec for a Node without zstd. Checksums of frames are not checked. */
export const portableZstd: ZstdCodec = {
  async *unpack(pieces, what) {
    const { Decompress } = await import('fzstd');
    let ready: Uint8Array[] = [];
    const decoder = new Decompress((chunk) => ready.push(chunk));
    const push = (piece: Uint8Array, final: boolean): Uint8Array[] => {
      ready = [];
      try {
        decoder.push(piece, final);
      } catch (error) {
        throw corrupt(
          `${what} is damaged: ${error instanceof Error ? error.message : 'not zstd data'}`,
          error,
        );
      }
      return ready;
    };
    // A piece is a block at most, so what it gives is small.
    for await (const piece of pieces) yield* push(piece, false);
    yield* push(new Uint8Array(0), true);
  },

  async *pack(source, level) {
    const { Zstd } = await import('@hpcc-js/wasm-zstd');
    const zstd = await Zstd.load();
    const piece = Buffer.allocUnsafe(PIECE);
    let size = 0;
    let frames = 0;
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length;) {
        const take = Math.min(PIECE - size, chunk.length - at);
        piece.set(chunk.subarray(at, at + take), size);
        size += take;
        at += take;
        if (size < PIECE) continue;
        yield zstd.compress(piece, level);
        frames++;
        size = 0;
      }
    }
    if (size > 0 || frames === 0) yield zstd.compress(piece.subarray(0, size), level);
  },
};
