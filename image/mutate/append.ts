import { isMediaType, OciError, quote, type CallOptions, type Descriptor } from '../../oci/index.js';
import { diffIdsOf, type ImageView } from '../views/image.js';
import { redescribed, type LayerView } from '../views/layer.js';
import { editImage, objectIn, withFields, type Json } from './edit.js';
import { historyOf, written, type HistoryEntry } from './history.js';
import { familyOf, typeIn } from './types.js';

/** A layer to add, and what to say of it. */
export interface Addition {
  readonly layer: LayerView;
  readonly history?: HistoryEntry;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly urls?: readonly string[];
  /** Default: that of the layer, in the family of the image it comes to. */
  readonly mediaType?: string;
}

/**
 * An image with layers on top. Their media types follow those of the image; each has one entry of history, which says
 * nothing unless told. The config of an artifact stays as it is.
 * @throws OciError what reading the image or a layer's diff id throws; `INVALID_OPTION` for a malformed media type
 */
export async function appendLayers(
  image: ImageView,
  layers: readonly (LayerView | Addition)[],
  options: CallOptions = {},
): Promise<ImageView> {
  const additions = layers.map((one) => ('layer' in one ? one : { layer: one }));
  const { mediaType } = await image.manifest(options);
  const diffIds = await Promise.all(additions.map(({ layer }) => layer.diffId(options)));
  const added = additions.map((addition) => redescribed(addition.layer, fieldsOf(addition, mediaType)));
  return await editImage(
    image,
    (draft) => ({
      layers: [...draft.layers, ...added],
      config:
        draft.config === undefined || additions.length === 0
          ? draft.config
          : withLayers(draft.config, {
              diffIds: [...diffIdsOf(draft.config), ...diffIds],
              history: [
                ...historyOf(draft.config, draft.layers.length),
                ...additions.map(({ history = {} }) => written(history)),
              ],
            }),
    }),
    options,
  );
}

/** A config that speaks of other layers. */
export function withLayers(
  config: Json,
  { diffIds, history }: { readonly diffIds: readonly string[]; readonly history: readonly Json[] },
): Json {
  return withFields(config, {
    history: history.length === 0 ? undefined : history,
    rootfs: {
      type: 'layers',
      ...objectIn(config, 'rootfs'),
      diff_ids: diffIds.length === 0 ? null : diffIds,
    },
  });
}

function fieldsOf(
  { layer, annotations, urls, mediaType }: Addition,
  manifestType: string,
): Partial<Descriptor> {
  if (mediaType !== undefined && !isMediaType(mediaType))
    throw new OciError('INVALID_OPTION', `layer media type ${quote(mediaType)} is not a media type`);
  const { descriptor } = layer;
  return {
    mediaType: mediaType ?? typeIn(familyOf(manifestType), descriptor.mediaType),
    ...(annotations && { annotations: { ...descriptor.annotations, ...annotations } }),
    ...(urls && { urls }),
  };
}
