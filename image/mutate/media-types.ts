import { MEDIA_TYPES, isManifestType, type CallOptions, type Digest } from '../../oci/index.js';
import type { ImageView } from '../views/image.js';
import type { IndexView, View } from '../views/image-index.js';
import { redescribed } from '../views/layer.js';
import { editImage, editIndex, entriesOf, nameOf, objectIn, type Json } from './edit.js';
import { convertedType, familyOf, typeIn, type Family } from './types.js';

/** Types to write, and nothing else about the image. */
export interface ImageMediaTypes {
  readonly manifest?: string;
  readonly config?: string;
}

/** An image under other media types. Nothing is converted: layers keep theirs. See `convertTo`. */
export async function setMediaTypes(
  image: ImageView,
  { manifest, config }: ImageMediaTypes,
  options?: CallOptions,
): Promise<ImageView> {
  return await editImage(
    image,
    (draft) => ({
      manifest: {
        ...draft.manifest,
        ...(manifest === undefined ? {} : { mediaType: manifest }),
        config: {
          ...objectIn(draft.manifest, 'config'),
          ...(config === undefined ? {} : { mediaType: config }),
        },
      },
    }),
    options,
  );
}

/**
 * An image or an index in the other family of media types: manifest, config and layers, and all below an index. Layers
 * are not packed anew.
 * @throws OciError `UNSUPPORTED` for what Docker has no type for: zstd layers, artifacts; what reading the view throws
 */
export function convertTo(view: ImageView, family: Family, options?: CallOptions): Promise<ImageView>;
export function convertTo(view: IndexView, family: Family, options?: CallOptions): Promise<IndexView>;
export function convertTo(view: View, family: Family, options?: CallOptions): Promise<View>;
export async function convertTo(view: View, family: Family, options: CallOptions = {}): Promise<View> {
  const made = new Map<Digest, Promise<View>>();
  // What indexes list again and again is converted once.
  const convert: Convert = (one) => {
    const { digest } = one.descriptor;
    const known =
      made.get(digest) ??
      (one.kind === 'image'
        ? convertImage(one, family, options)
        : convertIndex(one, family, convert, options));
    made.set(digest, known);
    return known;
  };
  return await convert(view);
}

type Convert = (view: View) => Promise<View>;

async function convertImage(image: ImageView, family: Family, options: CallOptions): Promise<ImageView> {
  const what = nameOf(image);
  return await editImage(
    image,
    ({ manifest, layers }) => {
      const config = objectIn(manifest, 'config');
      const types = layers.map(({ descriptor }) =>
        convertedType(family, descriptor.mediaType, `layer ${descriptor.digest} of ${what}`),
      );
      const same = layers.every(({ descriptor }, at) => descriptor.mediaType === types[at]);
      return {
        manifest: {
          ...manifest,
          mediaType: typeIn(family, MEDIA_TYPES.ociManifest),
          config: {
            ...config,
            mediaType: convertedType(family, String(config.mediaType), `the config of ${what}`),
          },
        },
        layers: same
          ? layers
          : layers.map((layer, at) =>
              redescribed(layer, { mediaType: types[at] ?? layer.descriptor.mediaType }),
            ),
      };
    },
    options,
  );
}

async function convertIndex(
  index: IndexView,
  family: Family,
  convert: Convert,
  options: CallOptions,
): Promise<IndexView> {
  const { manifests } = await index.manifest(options);
  const converted = await Promise.all(
    manifests.map(async (entry) =>
      isManifestType(entry.mediaType) ? await convert(await index.child(entry, options)) : undefined,
    ),
  );
  return await replaceChildren(index, converted, {
    ...options,
    mediaType: typeIn(family, MEDIA_TYPES.ociIndex),
  });
}

/** What becomes of an entry: another view, undefined to keep it as it is, or null to take it out. */
export type Replacement = View | undefined | null;

/**
 * An index whose entries are other views, in their places and with what the entries say besides type, digest and size.
 * Entries that point at a child by its digest, as BuildKit's attestations do, point at what it became.
 */
export async function replaceChildren(
  index: IndexView,
  replacements: readonly Replacement[],
  { mediaType, ...options }: CallOptions & { readonly mediaType?: string } = {},
): Promise<IndexView> {
  const views = replacements.filter((view): view is View => view !== undefined && view !== null);
  const { manifests } = await index.manifest(options);
  const became = new Map(
    manifests.flatMap(({ digest }, at) => {
      const view = replacements[at];
      return view ? [[digest, view.descriptor.digest] as const] : [];
    }),
  );
  return await editIndex(
    index,
    (document) => ({
      ...document,
      ...(mediaType === undefined ? {} : { mediaType }),
      manifests: entriesOf(document).flatMap((entry, at) => {
        const view = replacements[at];
        return view === null ? [] : [pointed(view === undefined ? entry : replaced(entry, view), became)];
      }),
    }),
    { ...options, children: new Map(views.map((view) => [view.descriptor.digest, view])) },
  );
}

function replaced(entry: Json, { descriptor }: View): Json {
  const { data: _, ...rest } = entry;
  const { mediaType, digest, size } = descriptor;
  const { artifactType } = entry;
  return {
    ...rest,
    mediaType,
    digest,
    size,
    ...(typeof artifactType === 'string' ? { artifactType: typeIn(familyOf(mediaType), artifactType) } : {}),
  };
}

/** Where BuildKit names the child that an attestation is about. */
const ABOUT = 'vnd.docker.reference.digest';

function pointed(entry: Json, became: ReadonlyMap<string, string>): Json {
  const annotations = objectIn(entry, 'annotations');
  const now = became.get(String(annotations[ABOUT]));
  return now === undefined ? entry : { ...entry, annotations: { ...annotations, [ABOUT]: now } };
}
