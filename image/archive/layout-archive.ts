import {
  OciError,
  algorithmOf,
  hexOf,
  type ByteStream,
  type CallOptions,
  type Digest,
} from '../../oci/index.js';
import { INDEX_LIMIT, checkLayoutMark } from '../layout/index-file.js';
import type { LayoutMedium } from '../layout/medium.js';
import { LayoutSource } from '../layout/source.js';
import type { ArchiveInput } from './bytes.js';
import { TarFile } from './tar-file.js';

/** Where a blob lies in a layout (image-spec, image-layout.md, "Blobs"). */
export const blobPath = (digest: Digest): string => `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;

/** A layout in a tar. Its blobs are plain files: links are refused. */
export class LayoutTar implements LayoutMedium {
  readonly tar: TarFile;
  readonly name: string;

  constructor(tar: TarFile, name = `oci-archive:${tar.name}`) {
    this.tar = tar;
    this.name = name;
  }

  async index(options?: CallOptions): Promise<Uint8Array> {
    const file = this.tar.file('index.json');
    if (file === undefined)
      throw new OciError('INVALID_OPTION', `${this.tar.name} is not an OCI layout: it has no index.json`);
    return await this.tar.whole(file, INDEX_LIMIT, options);
  }

  async size(digest: Digest): Promise<number | undefined> {
    return this.tar.file(blobPath(digest))?.size;
  }

  async *read(
    digest: Digest,
    start: number,
    length: number,
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    const file = this.tar.file(blobPath(digest));
    if (file === undefined) throw new OciError('BLOB_UNKNOWN', `${this.name} does not have blob ${digest}`);
    yield* this.tar.read(
      file.start + start,
      Math.min(length, file.size - start),
      options,
    ) satisfies ByteStream;
  }

  /** Throws OciError `INVALID_OPTION` for a tar that is no layout, `CONTENT_INVALID`, `UNSUPPORTED` for another version. */
  async check(options?: CallOptions): Promise<void> {
    const mark = this.tar.file('oci-layout');
    if (mark !== undefined) checkLayoutMark(await this.tar.whole(mark, 1 << 16, options), this.name);
    if (this.tar.file('index.json') === undefined) await this.index(options);
  }

  close(): Promise<void> {
    return this.tar.close();
  }
}

/**
 * Opens an OCI layout in a tar for reading. What is packed by gzip or zstd, or comes as a stream, is unpacked to a
 * temporary file first. Whether it is whole, `verifyArchive` tells.
 * @throws OciError `INVALID_OPTION` for what is no such archive, `CONTENT_INVALID` for a damaged or hostile one, `SIZE_LIMIT`,
 * `STORE_FULL`, `UNSUPPORTED`
 */
export async function openLayoutArchive(
  input: ArchiveInput,
  options: CallOptions = {},
): Promise<LayoutSource> {
  const tar = await TarFile.open(input, options);
  const layout = new LayoutTar(tar);
  try {
    await layout.check(options);
    return new LayoutSource(layout);
  } catch (error) {
    await tar.close();
    throw error;
  }
}
