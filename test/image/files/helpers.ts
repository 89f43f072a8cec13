import { appendLayers } from '../../../image/mutate/index.js';
import { emptyImage } from '../../../image/empty.js';
import { layerFromBytes } from '../../../image/layer.js';
import { writeTar, type TarEntry } from '../../../image/tar/index.js';
import type { ImageView } from '../../../image/views/index.js';
import { bytesOf } from '../helpers.js';

/** One entry of a layer in short: `dir/`, `name=content`, `name->target` (symbolic), `name=>target` (hard). */
export function entry(text: string): TarEntry {
  const found = /^([^=>]*?)(=>|->|=)(.*)$/s.exec(text);
  const [, name = text, kind, rest = ''] = found ?? [];
  if (kind === '=>') return { name, type: 'link', linkname: rest };
  if (kind === '->') return { name, type: 'symlink', linkname: rest, mode: 0o777 };
  if (name.endsWith('/')) return { name, type: 'directory', mode: 0o755 };
  const body = Buffer.from(rest);
  return { name, type: 'file', mode: 0o644, size: body.length, body: [body] };
}

/** An image of layers, the base first. */
export async function imageOf(...layers: readonly (readonly (TarEntry | string)[])[]): Promise<ImageView> {
  const made = layers.map(async (entries) =>
    layerFromBytes(
      await bytesOf(writeTar(entries.map((one) => (typeof one === 'string' ? entry(one) : one)))),
    ),
  );
  return await appendLayers(emptyImage(), await Promise.all(made));
}
