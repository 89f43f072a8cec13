import { quote, type CallOptions } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import type { LayerOptions } from '../layer.js';
import { readTar, writeTar, type TarEntry } from '../tar/index.js';
import type { LayerView } from '../views/layer.js';
import { partsOf } from './paths.js';
import { layerFromStream, type SpooledLayer } from './stream-layer.js';

/**
 * A layer whose entries are changed one by one, kept in a temporary file.
 * @throws OciError what reading the layer throws, `STORE_FULL`
 */
export async function rewriteLayer(
  layer: LayerView,
  change: (entries: AsyncIterable<TarEntry>) => AsyncIterable<TarEntry>,
  options: LayerOptions = {},
): Promise<SpooledLayer> {
  return await layerFromStream(writeTar(change(entriesOf(layer, options))), options);
}

async function* entriesOf(layer: LayerView, options: CallOptions): AsyncGenerator<TarEntry> {
  const what = `layer ${layer.descriptor.digest}`;
  for await (const { header, body } of readTar(await layer.uncompressed(options), { ...options, what }))
    yield { ...header, ...(header.size > 0 && { body }) };
}

/**
 * The same layer at another time: of each entry, and no finer one.
 * @throws OciError what reading the layer throws, `STORE_FULL`
 */
export function retimedLayer(layer: LayerView, time: Date, options?: LayerOptions): Promise<SpooledLayer> {
  const mtime = Math.floor(time.getTime() / 1000);
  return rewriteLayer(
    layer,
    (entries) => each(entries, (entry) => ({ ...withoutTimes(entry), mtime })),
    options,
  );
}

const TIMES = new Set(['atime', 'ctime', 'mtime']);

function withoutTimes({ pax = {}, ...entry }: TarEntry): TarEntry {
  const left = Object.entries(pax).filter(
    ([key]) => !TIMES.has(key) && !key.startsWith('LIBARCHIVE.creationtime'),
  );
  return { ...entry, ...(left.length > 0 && { pax: Object.fromEntries(left) }) };
}

/** A security descriptor of Windows for files that come from elsewhere: owner and group are `BUILTIN\\Users`. */
const SECURITY = 'AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA==';

/**
 * A layer of files in the form that Windows takes: all of it below `Files`, next to an empty `Hives`.
 * @throws OciError `CONTENT_INVALID` for a layer that is in that form already; what reading it throws; `STORE_FULL`
 */
export function windowsLayer(layer: LayerView, options?: LayerOptions): Promise<SpooledLayer> {
  const what = `layer ${layer.descriptor.digest}`;
  return rewriteLayer(
    layer,
    async function* (entries) {
      for (const name of ['Files', 'Hives']) yield { name, type: 'directory', mode: 0o555, mtime: 0 };
      for await (const entry of entries) {
        const { pax = {}, linkname = '' } = entry;
        if (/^\/?Files\//.test(entry.name)) {
          throw corrupt(`${what} has ${quote(entry.name)}: it is in the form of Windows already`);
        }
        // The root is there already, as `Files`.
        if (below(entry.name) === 'Files') continue;
        yield {
          ...entry,
          name: below(entry.name),
          ...(entry.type === 'link' && { linkname: below(linkname) }),
          pax: { ...pax, 'MSWINDOWS.rawsd': SECURITY },
        };
      }
    },
    options,
  );
}

const below = (name: string): string => ['Files', ...partsOf(name, 'the layer')].join('/');

async function* each(
  entries: AsyncIterable<TarEntry>,
  change: (entry: TarEntry) => TarEntry,
): AsyncGenerator<TarEntry> {
  for await (const entry of entries) yield change(entry);
}
