import { createReadStream } from 'node:fs';
import { OciError } from '../../oci/index.js';

/** Longest file with a secret in it, in bytes. */
const LIMIT = 64 * 1024;

/**
 * Reads a short file: a token, a key, a few settings. No more than its limit is ever read.
 * @throws OciError `SIZE_LIMIT`; the error of the operating system
 */
export async function readShort(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: LIMIT })) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  if (bytes.byteLength <= LIMIT) return bytes.toString('utf8');
  throw new OciError('SIZE_LIMIT', `${path} is longer than ${LIMIT / 1024} KiB`);
}
