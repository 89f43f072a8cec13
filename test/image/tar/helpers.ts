import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readTar, writeTar, type ReadTarOptions, type TarEntry } from '../../../image/tar/index.js';
import { collect, isOciError, streamOf } from '../../../oci/index.js';

const LIMIT = 1 << 26;

/** An archive that another tool wrote. */
export function fixture(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`../../fixtures/tar/${name}`, import.meta.url)));
}

/** All entries, their bodies in memory. */
export async function entriesOf(
  chunks: readonly Uint8Array[],
  options?: ReadTarOptions,
): Promise<(TarEntry & { readonly body: readonly Uint8Array[] })[]> {
  const entries: (TarEntry & { readonly body: readonly Uint8Array[] })[] = [];
  for await (const { header, body } of readTar(streamOf(...chunks), options)) {
    entries.push({ ...header, body: [await collect(body, LIMIT, header.name)] });
  }
  return entries;
}

/** An archive in memory. */
export async function tarOf(entries: Parameters<typeof writeTar>[0]): Promise<Buffer> {
  return Buffer.from(await collect(writeTar(entries), LIMIT, 'archive'));
}

/** The names in the archive, or the code of the error. */
export async function outcome(chunks: readonly Uint8Array[], options?: ReadTarOptions): Promise<string> {
  try {
    return (await entriesOf(chunks, options)).map(({ name }) => name).join(' ');
  } catch (error) {
    if (isOciError(error)) return error.code;
    throw error;
  }
}
