import { open } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { ByteStream, CallOptions } from '../../oci/index.js';
import { withRoom } from '../layout/files.js';
import { writeStream } from '../layout/write-stream.js';
import { layerOf, type LayerView } from '../views/layer.js';

const CHUNK = 1 << 20;

/** Writes a stream to a new file. Throws OciError `STORE_FULL`. */
export async function spool(stream: ByteStream, path: string): Promise<number> {
  const file = await withRoom(open(path, 'wx', 0o600));
  try {
    return await writeStream(file, stream);
  } finally {
    await file.close();
  }
}

/** A file's bytes, or an inclusive range of them. */
export function readFrom(path: string, options: Parameters<LayerView['open']>[0] = {}): ByteStream {
  const { signal, range } = options;
  return createReadStream(path, { highWaterMark: CHUNK, ...(signal && { signal }), ...range });
}

/**
 * The layers, those of remote repositories from a folder they are brought to: what is read twice travels once.
 * @throws OciError of the source, `DIGEST_MISMATCH`, `STORE_FULL`
 */
export async function nearby(
  layers: readonly LayerView[],
  folder: string,
  options: CallOptions,
): Promise<readonly LayerView[]> {
  const near: LayerView[] = [];
  for (const [index, layer] of layers.entries()) {
    if (layer.origin === undefined) {
      near.push(layer);
      continue;
    }
    const path = join(folder, `${index}.layer`);
    // oxlint-disable-next-line no-await-in-loop -- one after another: the memory of one
    await spool(await layer.open(options), path);
    near.push(
      layerOf(
        { descriptor: layer.descriptor, open: async (call) => readFrom(path, call) },
        { origin: layer.origin },
      ),
    );
  }
  return near;
}
