import {
  OciError,
  isIndexType,
  isManifestType,
  quote,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { flattenedEntries, type FlattenedOptions } from '../files/flattened.js';
import { layerFromStream } from '../files/stream-layer.js';
import { writeTar } from '../tar/index.js';
import { sourceDateEpoch, timeText } from '../time.js';
import { isImageConfigType, type ImageView } from '../views/image.js';
import type { IndexView, View } from '../views/image-index.js';
import { withLayers } from './append.js';
import { editImage, nameOf, type Json } from './edit.js';
import { replaceChildren, type Replacement } from './media-types.js';
import { familyOf } from './types.js';

/** Options of `flatten`. */
export interface FlattenOptions extends FlattenedOptions {
  /** When it is done, as config and history say. Default: what `SOURCE_DATE_EPOCH` says, or now. */
  readonly created?: Date;
}

/**
 * An image with one layer of all its files, packed with gzip; hard links keep their content. The history has one entry,
 * whose comment is the history there was. Types, annotations and all else stay. Of an index, all images; the attestations
 * go, whose subjects are no more. The layer lies in a temporary file until the process ends, or `close` is called on it.
 * @throws OciError `UNSUPPORTED` for an artifact, `STORE_FULL`, what `flattenedEntries` throws
 */
export function flatten(view: ImageView, options?: FlattenOptions): Promise<ImageView>;
export function flatten(view: IndexView, options?: FlattenOptions): Promise<IndexView>;
export function flatten(view: View, options?: FlattenOptions): Promise<View>;
export async function flatten(view: View, options: FlattenOptions = {}): Promise<View> {
  const created = options.created ?? sourceDateEpoch() ?? new Date();
  const one = (image: ImageView): Promise<ImageView> => flattenImage(image, { ...options, created });
  return view.kind === 'image' ? await one(view) : await eachImage(view, one, options);
}

async function flattenImage(
  image: ImageView,
  options: FlattenOptions & { readonly created: Date },
): Promise<ImageView> {
  const { mediaType, config } = await image.manifest(options);
  if (!isImageConfigType(config.mediaType)) {
    throw new OciError(
      'UNSUPPORTED',
      `${nameOf(image)} is an artifact with a config of ${quote(config.mediaType)}, which cannot be flattened`,
    );
  }
  const entries = flattenedEntries(image, options);
  const layer = await layerFromStream(writeTar(entries), { ...options, family: familyOf(mediaType) });
  const diffId = await layer.diffId();
  return await editImage(
    image,
    ({ config: before = {} }) => {
      const created = timeText(options.created);
      const history: Json = {
        created,
        created_by: `ocilot flatten ${image.descriptor.digest}`,
        comment: JSON.stringify(before.history ?? []),
      };
      return {
        layers: [layer],
        config: withLayers({ ...before, created }, { diffIds: [diffId], history: [history] }),
      };
    },
    options,
  );
}

/**
 * The index with each of its images changed, those in indexes in it too; what is listed again and again is changed once.
 * Attestations go: what they are about is no more.
 * @throws OciError what reading the index and the change throw
 */
export async function eachImage(
  index: IndexView,
  change: (image: ImageView) => Promise<ImageView>,
  options: CallOptions,
): Promise<IndexView> {
  const made = new Map<Digest, View>();
  const changed = async (view: View): Promise<View> => {
    const { digest } = view.descriptor;
    const known = made.get(digest);
    if (known !== undefined) return known;
    const fresh = view.kind === 'image' ? await change(view) : await within(view);
    made.set(digest, fresh);
    return fresh;
  };
  const within = async (one: IndexView): Promise<IndexView> => {
    const { manifests } = await one.manifest(options);
    const replacements: Replacement[] = [];
    for (const entry of manifests) {
      if (isAttestation(entry)) replacements.push(null);
      else if (!isManifestType(entry.mediaType)) replacements.push(undefined);
      // oxlint-disable-next-line no-await-in-loop -- one after another: the disk of one
      else replacements.push(await changed(await one.child(entry, options)));
    }
    return await replaceChildren(one, replacements, options);
  };
  return await within(index);
}

/** BuildKit marks them so. */
const isAttestation = ({ mediaType, platform }: Descriptor): boolean =>
  !isIndexType(mediaType) && platform?.os === 'unknown' && platform.architecture === 'unknown';
