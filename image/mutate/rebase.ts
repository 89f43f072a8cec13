import { OciError, type CallOptions, type Digest } from '../../oci/index.js';
import { diffIdsOf, isImageConfigType, parseConfig, type ImageView } from '../views/image.js';
import { redescribed } from '../views/layer.js';
import { withLayers } from './append.js';
import { editImage, nameOf, objectIn, withEntries, withFields, type Json } from './edit.js';
import { hasLayer, historyOf } from './history.js';
import { familyOf, typeIn } from './types.js';

/** Annotations that say what an image stands on (image-spec, annotations.md). */
export const BASE_NAME = 'org.opencontainers.image.base.name';
export const BASE_DIGEST = 'org.opencontainers.image.base.digest';

/** Options of `rebase`. */
export interface RebaseOptions extends CallOptions {
  /** How the new base is called, for the annotation. Without it there is none. */
  readonly baseName?: string;
  /** What that name stands for, where it is an index. Default: the digest of the new base. */
  readonly baseDigest?: Digest;
}

/**
 * An image on another base: the layers of the old base are exchanged for those of the new one, with their history.
 * Operating system, architecture, variant and version are the new base's; all else of the config, the annotations and
 * the media types stay the image's.
 * @throws OciError `PRECONDITION_FAILED` when the image does not stand on the old base; `UNSUPPORTED` for an artifact;
 * what reading the images throws
 */
export async function rebase(
  image: ImageView,
  oldBase: ImageView,
  newBase: ImageView,
  options: RebaseOptions = {},
): Promise<ImageView> {
  const [{ mediaType }, below, above] = await Promise.all([
    image.manifest(options),
    partsOf(oldBase, options),
    partsOf(newBase, options),
  ]);
  const family = familyOf(mediaType);
  checkDiffIds(newBase, above);
  return await editImage(
    image,
    (draft) => {
      if (draft.config === undefined) throw artifact(image);
      checkBase(image, draft.layers, oldBase, below.layers);
      checkDiffIds(image, { config: draft.config, layers: draft.layers });
      const own = draft.layers.slice(below.layers.length);
      const layers = above.layers.map((layer) =>
        redescribed(layer, { mediaType: typeIn(family, layer.descriptor.mediaType) }),
      );
      const told = [draft.config, above.config].some(({ history }) => Array.isArray(history));
      const history = historyOf(draft.config, draft.layers.length);
      const config = withLayers(draft.config, {
        diffIds: [...diffIdsOf(above.config), ...diffIdsOf(draft.config).slice(below.layers.length)],
        history: told
          ? [...historyOf(above.config, above.layers.length), ...history.slice(entriesOfBase(history, below))]
          : [],
      });
      return {
        layers: [...layers, ...own],
        config: withFields(config, platformOf(above.config)),
        manifest: withFields(draft.manifest, {
          annotations: withEntries(objectIn(draft.manifest, 'annotations'), {
            [BASE_NAME]: options.baseName ?? null,
            [BASE_DIGEST]: options.baseDigest ?? newBase.descriptor.digest,
          }),
        }),
      };
    },
    options,
  );
}

interface Parts {
  readonly config: Json;
  readonly layers: Awaited<ReturnType<ImageView['layers']>>;
}

async function partsOf(image: ImageView, options: CallOptions): Promise<Parts> {
  const { config } = await image.manifest(options);
  if (!isImageConfigType(config.mediaType)) throw artifact(image);
  return { config: parseConfig(await image.config(options), config), layers: await image.layers(options) };
}

function artifact(image: ImageView): OciError {
  return new OciError('UNSUPPORTED', `${nameOf(image)} is an artifact, which stands on no base`);
}

function checkBase(
  image: ImageView,
  layers: Parts['layers'],
  oldBase: ImageView,
  base: Parts['layers'],
): void {
  const differing = base.findIndex(
    ({ descriptor }, at) => layers[at]?.descriptor.digest !== descriptor.digest,
  );
  if (differing < 0) return;
  const has = layers[differing]?.descriptor.digest ?? `only ${layers.length} layers`;
  throw new OciError(
    'PRECONDITION_FAILED',
    `${nameOf(image)} is not based on ${nameOf(oldBase)}: layer ${differing + 1} of the base is ${base[differing]?.descriptor.digest}, but the image has ${has}`,
  );
}

/** What a config does not say of its layers cannot be put together. */
function checkDiffIds(image: ImageView, { config, layers }: Parts): void {
  const { length } = diffIdsOf(config);
  if (length === layers.length) return;
  throw new OciError(
    'CONTENT_INVALID',
    `${nameOf(image)} has ${layers.length} layers, but its config tells what ${length} unpack to`,
  );
}

/** How many entries of a history tell of the base: all of the base's own, or those up to its last layer. */
function entriesOfBase(history: readonly Json[], { config, layers }: Parts): number {
  const base = historyOf(config, layers.length);
  const same = base.every((entry, at) => JSON.stringify(entry) === JSON.stringify(history[at]));
  if (same) return base.length;
  let left = layers.length;
  let at = 0;
  for (; at < history.length && left > 0; at++) if (hasLayer(history[at] ?? {})) left--;
  return at;
}

function platformOf(config: Json): Json {
  const { os, architecture, variant } = config;
  return {
    os,
    architecture,
    variant,
    'os.version': config['os.version'],
    'os.features': config['os.features'],
  };
}
