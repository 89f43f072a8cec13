import { collect, type CallOptions } from '../../oci/index.js';
import { readTar } from '../../image/tar/index.js';
import type { ImageView } from '../../image/views/image.js';

/** Larger layers are read up to what is looked for only, in bytes as they are stored. */
const WHOLE = 8 << 20;

/**
 * A file at a path of an image, as its layers leave it. Layers are read to their end, so that none is believed that is not
 * what its digest says; of those above 8 MiB only as far as the file, as imgpkg does: who copies or pulls them checks them
 * then.
 * @param path with slashes, as `.imgpkg/images.yml`
 * @returns undefined when there is none
 * @throws OciError `SIZE_LIMIT`, `CONTENT_INVALID` for layers that are no tars, and what reading them throws
 */
export async function readImageFile(
  image: ImageView,
  path: string,
  limit: number,
  options: CallOptions = {},
): Promise<Uint8Array | undefined> {
  const layers = await image.layers(options);
  for (const layer of layers.toReversed()) {
    const what = `layer ${layer.descriptor.digest}`;
    let found: Uint8Array | undefined;
    let hidden = false;
    // oxlint-disable-next-line no-await-in-loop -- the topmost that speaks of it counts
    const stream = await layer.uncompressed(options);
    // oxlint-disable-next-line no-await-in-loop
    for await (const { header, body } of readTar(stream, { ...options, what })) {
      const name = header.name
        .split('/')
        .filter((part) => part !== '' && part !== '.')
        .join('/');
      hidden ||= hides(name, path);
      if (name !== path) continue;
      found = header.type === 'file' ? await collect(body, limit, `${path} of ${what}`) : undefined;
      hidden = true;
      if (layer.descriptor.size > WHOLE) break;
    }
    if (found !== undefined || hidden) return found;
  }
  return undefined;
}

/** True for a whiteout of the path, or of a folder above it (image-spec, layer.md, "Whiteouts"). */
function hides(name: string, path: string): boolean {
  const parts = name.split('/');
  const last = parts.pop() ?? '';
  if (!last.startsWith('.wh.')) return false;
  const folder = parts.join('/');
  const inside = folder === '' || path.startsWith(`${folder}/`);
  if (last === '.wh..wh..opq') return inside;
  const hidden = [...parts, last.slice('.wh.'.length)].join('/');
  return path === hidden || path.startsWith(`${hidden}/`);
}
