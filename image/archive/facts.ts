import type { CallOptions } from '../../oci/index.js';
import { readBase, type ArchiveBase } from './base.js';
import type { ArchiveInput } from './bytes.js';
import { SEAL_NAME } from './seal.js';
import { TarFile } from './tar-file.js';

/** What an archive says of itself, which nobody has checked. */
export interface ArchiveFacts {
  /** It ends in a seal. */
  readonly sealed: boolean;
  /** What it relies on, when it is a differential one. */
  readonly base?: ArchiveBase;
}

/**
 * What an archive says of itself; its content is not read.
 * @throws OciError `CONTENT_INVALID` for a damaged one, `INVALID_OPTION` for what is no file, `SIZE_LIMIT`, `UNSUPPORTED`
 */
export async function archiveFacts(input: ArchiveInput, options: CallOptions = {}): Promise<ArchiveFacts> {
  const tar = await TarFile.open(input, options);
  try {
    const base = await readBase(tar, options);
    return { sealed: tar.file(SEAL_NAME) !== undefined, ...(base && { base }) };
  } finally {
    await tar.close();
  }
}
