import { crc32 } from 'node:zlib';

/** Most bytes of a stored block (RFC 1951, section 3.2.4). */
const BLOCK = 0xffff;

/**
 * A gzip member of stored blocks: valid, larger than what it holds, and the same on every Node, which what zlib
 * compresses is not.
 */
export function storedGzip(bytes: Uint8Array): Uint8Array {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  const blocks: Uint8Array[] = [];
  let at = 0;
  do {
    const data = bytes.subarray(at, at + BLOCK);
    at += data.byteLength;
    const head = Buffer.alloc(5);
    head.writeUInt8(at === bytes.byteLength ? 1 : 0, 0);
    head.writeUInt16LE(data.byteLength, 1);
    head.writeUInt16LE(~data.byteLength & BLOCK, 3);
    blocks.push(head, data);
  } while (at < bytes.byteLength);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.byteLength % 2 ** 32, 4);
  return Buffer.concat([header, ...blocks, trailer]);
}
