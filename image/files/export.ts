import type { ByteStream } from '../../oci/index.js';
import { writeTar } from '../tar/index.js';
import type { ImageView } from '../views/image.js';
import { isLayerType } from '../views/layer.js';
import { flattenedEntries, type FlattenedOptions } from './flattened.js';

/**
 * The files of an image as one tar. An artifact of a single layer that is no layer of files gives that layer's bytes,
 * unpacked.
 * @throws OciError what `flattenedEntries` throws
 */
export async function* exportTar(
  image: ImageView,
  options: FlattenedOptions = {},
): AsyncGenerator<Uint8Array> {
  const file = await onlyFile(image, options);
  yield* file ?? writeTar(flattenedEntries(image, options));
}

async function onlyFile(image: ImageView, options: FlattenedOptions): Promise<ByteStream | undefined> {
  const [layer, ...others] = await image.layers(options);
  if (layer === undefined || others.length > 0 || isLayerType(layer.descriptor.mediaType)) return undefined;
  return await layer.uncompressed(options);
}
