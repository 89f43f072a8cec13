import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isOciError, type ByteStream, type OciError } from '../oci/index.js';
import { corrupt } from './corrupt.js';

/** Codes of the errors that Node's decoders make themselves. */
const OF_A_DECODER = /^(?:Z_|ZSTD_|ERR_ZSTD)/;

/**
 * Sends a stream through one of Node's transforms. Errors of the source pass unchanged; one of the decoder, which
 * means that its input is damaged or ends early, becomes an `OciError`. A reader that stops early closes both.
 * @param what names the input in messages
 * @throws OciError `CONTENT_INVALID`
 */
export async function* through(
  source: ByteStream,
  transform: Transform,
  what: string,
): AsyncGenerator<Uint8Array> {
  const fed = pipeline(source, transform);
  // It is awaited below; until then a failure must not count as unhandled.
  fed.catch(() => undefined);
  try {
    for await (const chunk of transform as AsyncIterable<Uint8Array>) yield chunk;
    await fed.catch((error: unknown) => {
      // The decoder came to its end before the source did.
      if (codeOf(error) === 'ERR_STREAM_PREMATURE_CLOSE') throw trailing(what, error);
      throw error;
    });
  } catch (error) {
    throw isDecoderError(error) ? corrupt(`${what} is damaged: ${error.message}`, error) : error;
  } finally {
    transform.destroy();
    await fed.catch(() => undefined);
  }
}

/** The error for input that goes on after what was packed. */
export function trailing(what: string, cause?: unknown): OciError {
  return corrupt(`${what} is damaged: more bytes follow the end of the packed data`, cause);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isDecoderError(error: unknown): error is Error {
  return !isOciError(error) && OF_A_DECODER.test(codeOf(error));
}
