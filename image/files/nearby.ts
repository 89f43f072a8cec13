import { open } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { ByteStream, CallOptions } from '../../oci/index.js';
import { systemCode, withRoom } from '../layout/files.js';
import { writeStream } from '../layout/write-stream.js';
import { layerOf, type LayerView } from '../views/layer.js';
import { fetchKept, type KeptBlob } from './kept.js';
import { abortable } from '../abortable.js';

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
  return abortable(
    createReadStream(path, { highWaterMark: CHUNK, ...range }),
    signal === undefined ? {} : { signal },
  );
}

/** Larger layers are kept for a later try, in bytes: one piece of a transfer may be lost. */
const KEPT_ABOVE = 16 * 1024 * 1024;
/** What a folder says where nothing can be kept: a home that is read-only, say. */
const NO_PLACE = new Set(['EACCES', 'ENOENT', 'ENOTDIR', 'EPERM', 'EROFS', 'ELOOP']);

/** How layers are brought near. */
export interface NearbyOptions extends CallOptions {
  /**
   * Where large layers are kept that were fetched in part, so that another process can go on with them. Default: nothing is
   * kept.
   */
  readonly downloads?: string;
}

/** Layers that can be read again and again. */
export interface NearbyLayers {
  readonly layers: readonly LayerView[];
  /** Lets go of files that lie elsewhere than in the folder. */
  close(): Promise<void>;
}

/**
 * The layers, those of remote repositories from a folder they are brought to: what is read twice travels once.
 * @throws OciError of the source, `DIGEST_MISMATCH`, `STORE_FULL`
 */
export async function nearby(
  layers: readonly LayerView[],
  folder: string,
  options: NearbyOptions,
): Promise<NearbyLayers> {
  const near: LayerView[] = [];
  const kept: KeptBlob[] = [];
  try {
    for (const [index, layer] of layers.entries()) {
      const { descriptor, origin } = layer;
      if (origin === undefined) {
        near.push(layer);
        continue;
      }
      // oxlint-disable-next-line no-await-in-loop -- one after another: the memory of one
      const found = await keep(layer, options);
      const path = join(folder, `${index}.layer`);
      if (found !== undefined) kept.push(found);
      // oxlint-disable-next-line no-await-in-loop
      else await spool(await layer.open(callOf(options)), path);
      const reopen: LayerView['open'] = async (call) => found?.read(call) ?? readFrom(path, call);
      near.push(layerOf({ descriptor, open: reopen }, { origin }));
    }
  } catch (error) {
    await Promise.all(kept.map((one) => one.close(false)));
    throw error;
  }
  return {
    layers: near,
    close: async () => void (await Promise.all(kept.map((one) => one.close(true)))),
  };
}

/** Undefined for a small layer, and where there is no place for what is to be kept. */
async function keep(layer: LayerView, options: NearbyOptions): Promise<KeptBlob | undefined> {
  const { downloads } = options;
  if (downloads === undefined || layer.descriptor.size <= KEPT_ABOVE) return undefined;
  try {
    return await fetchKept(layer, downloads, callOf(options));
  } catch (error) {
    if (NO_PLACE.has(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

const callOf = ({ signal }: CallOptions): CallOptions => (signal === undefined ? {} : { signal });
