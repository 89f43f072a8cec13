import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { abortable } from '../../image/abortable.js';
import { fetchToFile } from '../../image/partial-file.js';
import type { Source } from '../../image/media.js';
import { blobOf } from '../../image/read.js';
import { Digester, algorithmOf, type CallOptions, type Descriptor } from '../../oci/index.js';
import { systemCode } from '../exit.js';

const CHUNK = 1 << 20;

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
      // What an earlier try left in part is gone on with.
      if (!(await isWhole(path, descriptor, call))) await fetchToFile(blobOf(source, descriptor), path, call);
      return createReadStream(path, { highWaterMark: CHUNK, ...range });
    },
  };
}

/** True when a file is there and right: it may have been written by somebody else. */
async function isWhole(path: string, { digest, size }: Descriptor, call: CallOptions): Promise<boolean> {
  const digester = new Digester(algorithmOf(digest));
  try {
    const file = createReadStream(path, { highWaterMark: CHUNK });
    for await (const chunk of abortable(file, call)) digester.update(chunk);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
  return digester.size === size && digester.digest() === digest;
}
