import { readFile } from 'node:fs/promises';
import { OciError, isStringMap } from '../oci/index.js';
import { parseDocument } from './credentials/auth-file.js';
import { dockerConfigPath, type Places } from './credentials/docker-config-path.js';

/**
 * The `HttpHeaders` of Docker's configuration, for the option `headers` of a client.
 * @throws OciError `INVALID_OPTION` for a file that cannot be read or understood
 */
export async function dockerHeaders(places: Places = {}): Promise<Readonly<Record<string, string>>> {
  const path = dockerConfigPath(places);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new OciError('INVALID_OPTION', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const { HttpHeaders: headers = {} } = parseDocument(bytes, path);
  if (isStringMap(headers)) return headers;
  throw new OciError('INVALID_OPTION', `HttpHeaders in ${path} is not a map of text`);
}
