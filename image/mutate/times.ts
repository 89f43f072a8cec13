import { OciError, isObject, type CallOptions } from '../../oci/index.js';
import { retimedLayer } from '../files/rewrite.js';
import { timeText } from '../time.js';
import type { ImageView } from '../views/image.js';
import { isLayerType, type LayerView } from '../views/layer.js';
import { withLayers } from './append.js';
import { editImage, nameOf, objectIn, withFields, type Json } from './edit.js';
import { familyOf } from './types.js';

/**
 * An image in which everything happened at one time: its config, its history, and every file. Layers are written anew, with
 * gzip unless they were plain; they lie in temporary files until the process ends, or `close` is called on them.
 * @throws OciError `UNSUPPORTED` for an artifact, `STORE_FULL`, what reading the layers throws
 */
export async function setTimes(image: ImageView, time: Date, options: CallOptions = {}): Promise<ImageView> {
  return await retimed(image, time, (config) => config, options);
}

/**
 * An image without traces of when, where and by whom it was made: everything at the start of 1970, no container, no host
 * name, no version of Docker, no authors in the history.
 * @throws OciError as `setTimes`
 */
export async function canonical(image: ImageView, options: CallOptions = {}): Promise<ImageView> {
  return await retimed(
    image,
    new Date(0),
    (config) =>
      withFields(config, {
        container: undefined,
        docker_version: undefined,
        config: withFields(objectIn(config, 'config'), { Hostname: undefined }),
        history: historyOf(config)?.map((entry) => withFields(entry, { author: undefined })),
      }),
    options,
  );
}

async function retimed(
  image: ImageView,
  time: Date,
  change: (config: Json) => Json,
  options: CallOptions,
): Promise<ImageView> {
  const { mediaType } = await image.manifest(options);
  const created = timeText(time);
  const before = await image.layers(options);
  if (!before.every(({ descriptor }) => isLayerType(descriptor.mediaType)))
    throw new OciError('UNSUPPORTED', `${nameOf(image)} is an artifact, whose layers hold no files`);
  const layers: LayerView[] = [];
  for (const layer of before) {
    const compression = layer.descriptor.mediaType.endsWith('.tar') ? 'none' : 'gzip';
    // oxlint-disable-next-line no-await-in-loop -- one after another: the memory of one
    layers.push(await retimedLayer(layer, time, { ...options, compression, family: familyOf(mediaType) }));
  }
  const diffIds = await Promise.all(layers.map((layer) => layer.diffId(options)));
  return await editImage(
    image,
    ({ config }) => {
      if (config === undefined) return { layers };
      const changed = change(config);
      const history = (historyOf(changed) ?? []).map((entry) => ({ ...entry, created }));
      return { layers, config: withLayers({ ...changed, created }, { diffIds, history }) };
    },
    options,
  );
}

function historyOf(config: Json): Json[] | undefined {
  return Array.isArray(config.history) ? config.history.filter(isObject) : undefined;
}
