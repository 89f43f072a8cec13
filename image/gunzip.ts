import { createGunzip } from 'node:zlib';
import type { ByteStream } from '../oci/index.js';
import { through, trailing } from './through.js';

const CHUNK = 512 * 1024;

/**
 * Unpacks gzip of one or more members. As in Go, whatever follows the last member is an error, zero bytes included;
 * zlib alone would let those pass.
 * @param what names the input in messages
 * @throws OciError `CONTENT_INVALID`
 */
export async function* gunzip(source: ByteStream, what: string): AsyncGenerator<Uint8Array> {
  const decoder = createGunzip({ chunkSize: CHUNK });
  let fed = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      fed += chunk.length;
      yield chunk;
    }
  }
  yield* through(counted(), decoder, what);
  if (decoder.bytesWritten < fed) throw trailing(what);
}
