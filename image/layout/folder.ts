import { lstat, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError, collect, type ByteStream, type CallOptions, type Digest } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { BlobFolder } from './blob-folder.js';
import { ifThere, openPlain, readSlice, replaceFile, systemCode } from './files.js';
import { INDEX_LIMIT, checkLayoutMark } from './index-file.js';
import type { LayoutMedium } from './medium.js';
import { LayoutSource } from './source.js';
import { lockOf } from './workplace.js';

/** Options of `openLayout`. */
export interface OpenLayoutOptions extends CallOptions {
  /** A folder that has the blobs instead of the layout's own, as skopeo's `--src-shared-blob-dir`. */
  readonly sharedBlobs?: string;
}

/** A layout in a folder. */
export class LayoutFolder implements LayoutMedium {
  readonly name: string;
  readonly path: string;
  readonly blobs: BlobFolder;

  constructor(path: string, blobsRoot: string) {
    this.name = `oci:${path}`;
    this.path = path;
    this.blobs = new BlobFolder(blobsRoot, this.name);
  }

  /** The blobs of a shared folder are behind whatever link the user named; those of the layout itself are behind none. */
  static async at(path: string, sharedBlobs: string | undefined): Promise<LayoutFolder> {
    if (sharedBlobs === undefined) return new LayoutFolder(path, join(path, 'blobs'));
    return new LayoutFolder(path, (await ifThere(realpath(sharedBlobs))) ?? sharedBlobs);
  }

  async index(options?: CallOptions): Promise<Uint8Array> {
    const bytes = await readWhole(join(this.path, 'index.json'), INDEX_LIMIT, options);
    if (bytes === undefined) throw notALayout(this.path);
    return bytes;
  }

  size(digest: Digest): Promise<number | undefined> {
    return this.blobs.size(digest);
  }

  read(digest: Digest, start: number, length: number, options?: CallOptions): ByteStream {
    return this.blobs.read(digest, start, length, options);
  }

  /** Writes `index.json` or `oci-layout` in one step. Only under the lock. */
  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await replaceFile(join(this.path, name), bytes, `${lockOf(this.path)}.${name}`);
  }

  /** Checks what says that it is a layout; some tools leave `oci-layout` out. */
  async check(options?: CallOptions): Promise<void> {
    const mark = await readWhole(join(this.path, 'oci-layout'), 1 << 16, options);
    if (mark !== undefined) checkLayoutMark(mark, this.name);
    if ((await ifThere(lstat(join(this.path, 'index.json')))) === undefined) throw notALayout(this.path);
  }
}

/**
 * Opens an OCI layout in a folder (image-spec, image-layout.md) for reading. Its entries are its roots; their names
 * are its tags. Links below it are not followed.
 * @throws OciError `INVALID_OPTION` for a folder that is no layout, `CONTENT_INVALID`, `UNSUPPORTED` for another version
 */
export async function openLayout(folder: string, options: OpenLayoutOptions = {}): Promise<LayoutSource> {
  const { sharedBlobs, ...call } = options;
  const found = await ifThere(stat(folder));
  if (found === undefined) throw new OciError('INVALID_OPTION', `there is no folder ${folder}`);
  const layout = await LayoutFolder.at(folder, sharedBlobs);
  await layout.check(call);
  return new LayoutSource(layout);
}

function notALayout(folder: string): OciError {
  return new OciError('INVALID_OPTION', `${folder} is not an OCI layout: it has no index.json`);
}

/** A small file; undefined when it is not there. Throws OciError `SIZE_LIMIT`, `CONTENT_INVALID` for a link. */
async function readWhole(
  path: string,
  limit: number,
  options?: CallOptions,
): Promise<Uint8Array | undefined> {
  const file = await ifThere(openPlain(path)).catch((cause: unknown) => {
    if (systemCode(cause) === 'ELOOP')
      throw corrupt(`${path} is a link; links in a layout are not followed`, cause);
    throw cause;
  });
  if (file === undefined) return undefined;
  try {
    return await collect(readSlice(file, 0, limit + 1, options), limit, path);
  } finally {
    await file.close();
  }
}
