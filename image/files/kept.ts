import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blob, ByteRange, ByteStream, CallOptions } from '../../oci/index.js';
import { ifThere, openPlain, readSlice, sliceOf, systemCode, withRoom } from '../layout/files.js';
import { fetchToFile } from '../partial-file.js';

/** A blob in a file that has no other reader's needs to mind: it can be read even when its name is gone. */
export interface KeptBlob {
  read(options?: CallOptions & { readonly range?: ByteRange }): ByteStream;
  /** @param remove true: nobody needs it any more; else a later try finds it */
  close(remove: boolean): Promise<void>;
}

/** How long nobody comes back for what was fetched in part, in milliseconds. */
const LIFETIME = 7 * 24 * 60 * 60 * 1000;
/** How often somebody else may take the file away before it was opened. */
const TRIES = 5;

/**
 * Fetches a blob into a folder where a try that breaks off, or is killed, leaves what came, and the next one goes on
 * with it. What nobody has come back for in seven days is thrown away.
 * @throws OciError as `fetchToFile`; what the operating system says of the folder
 */
export async function fetchKept(blob: Blob, folder: string, options: CallOptions = {}): Promise<KeptBlob> {
  await withRoom(mkdir(folder, { recursive: true, mode: 0o700 }));
  await sweep(folder);
  const { digest, size } = blob.descriptor;
  const path = join(folder, digest.replace(':', '-'));
  for (let tries = 1; ; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      await fetchToFile(blob, path, { ...options, partial: path, durable: false });
      // oxlint-disable-next-line no-await-in-loop
      const file = await openPlain(path);
      return {
        read: ({ range, ...call } = {}) => {
          const slice = sliceOf(range, size);
          return readSlice(file, slice.start, slice.length, call);
        },
        close: async (remove) => {
          await file.close();
          if (remove) await rm(path, { force: true });
        },
      };
    } catch (error) {
      if (tries === TRIES || systemCode(error) !== 'ENOENT') throw error;
    }
  }
}

async function sweep(folder: string): Promise<void> {
  const names = await readdir(folder);
  const paths = names.map((name) => join(folder, name));
  await Promise.all(
    paths.map(async (path) => {
      const found = await ifThere(stat(path));
      if (found !== undefined && found.mtimeMs < Date.now() - LIFETIME)
        await rm(path, { recursive: true, force: true });
    }),
  );
}
