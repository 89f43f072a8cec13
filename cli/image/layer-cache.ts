import { mkdir } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { fetchToFile } from '../../image/partial-file.js';
import type { Source } from '../../image/media.js';
import { blobOf } from '../../image/read.js';

/** A source whose blobs are kept in a folder, each as `sha256-<hex>`; undefined: as it is. */
export function cached(source: Source, folder: string | undefined): Source {
  if (folder === undefined) return source;
  return {
    name: source.name,
    ...(source.origin === undefined ? {} : { origin: source.origin }),
    resolve: (reference, call) => source.resolve(reference, call),
    manifest: (descriptor, call) => source.manifest(descriptor, call),
    async blob(descriptor, { range, ...call } = {}) {
      await mkdir(folder, { recursive: true });
      const path = join(folder, descriptor.digest.replace(':', '-'));
      // What lies there whole is checked once more by whoever reads it; a part of it is gone on with.
      await fetchToFile(blobOf(source, descriptor), path, call);
      return createReadStream(path, {
        highWaterMark: 1 << 20,
        ...(range === undefined ? {} : { start: range.start, end: range.end }),
      });
    },
  };
}
