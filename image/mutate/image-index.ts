import {
  OciError,
  artifactTypeOf,
  isManifestType,
  type Blob,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Platform,
} from '../../oci/index.js';
import { isImageConfigType, parseConfig, type ImageView } from '../views/image.js';
import type { IndexView, View } from '../views/image-index.js';
import { satisfies, type PlatformFilter } from '../views/select.js';
import { editIndex, entriesOf, withFields, type Json } from './edit.js';

/** What to add to an index, and what its entry says besides what is read from it. */
export interface IndexAddition {
  readonly view: View;
  /** Default: what the image's config says. */
  readonly platform?: Platform;
  /** Default: those of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Options of `appendToIndex`. */
export interface AppendToIndexOptions extends CallOptions {
  /** An index gives its entries, as they stand in it, instead of itself. Default true, as in crane. */
  readonly flatten?: boolean;
}

/**
 * An index with more entries at its end. An image's entry has the platform of its config, the annotations of its
 * manifest and its artifact type.
 * @throws OciError what reading the views throws
 */
export async function appendToIndex(
  index: IndexView,
  additions: readonly (View | IndexAddition)[],
  { flatten = true, ...options }: AppendToIndexOptions = {},
): Promise<IndexView> {
  const lists = await Promise.all(
    additions.map(async (one) => {
      const addition = 'view' in one ? one : { view: one };
      return flatten && addition.view.kind === 'index'
        ? await entriesIn(addition.view, options)
        : [await entryOf(addition, options)];
    }),
  );
  const added = lists.flat();
  const children = new Map(added.flatMap(({ entry, view }) => (view ? [[entry.digest, view] as const] : [])));
  const blobs = new Map(added.flatMap(({ entry, blob }) => (blob ? [[entry.digest, blob] as const] : [])));
  return await editIndex(
    index,
    (document) => ({ ...document, manifests: [...entriesOf(document), ...added.map(({ entry }) => entry)] }),
    { ...options, children, blobs },
  );
}

interface Entry {
  readonly entry: Descriptor;
  readonly view?: View;
  /** Of an entry that is no manifest. */
  readonly blob?: Blob | undefined;
}

async function entriesIn(index: IndexView, options: CallOptions): Promise<Entry[]> {
  const { manifests } = await index.manifest(options);
  return await Promise.all(
    manifests.map(async (entry) =>
      isManifestType(entry.mediaType)
        ? { entry, view: await index.child(entry, options) }
        : { entry, blob: index.blob?.(entry) },
    ),
  );
}

async function entryOf({ view, platform, annotations }: IndexAddition, options: CallOptions): Promise<Entry> {
  const manifest = await view.manifest(options);
  const { mediaType, digest, size } = view.descriptor;
  const runsOn = platform ?? (view.kind === 'image' ? await platformOf(view, options) : undefined);
  const said = annotations ?? manifest.annotations;
  const artifactType = artifactTypeOf(manifest);
  return {
    entry: {
      mediaType,
      size,
      digest,
      ...(said && { annotations: said }),
      ...(runsOn && { platform: runsOn }),
      ...(artifactType !== undefined && { artifactType }),
    },
    view,
  };
}

/** The platform an image's config names; undefined for an artifact, or a config that names none. */
export async function platformOf(image: ImageView, options: CallOptions = {}): Promise<Platform | undefined> {
  const { config: descriptor } = await image.manifest(options);
  if (!isImageConfigType(descriptor.mediaType)) return undefined;
  const config = parseConfig(await image.config(options), descriptor);
  const text = (key: string): string => (typeof config[key] === 'string' ? config[key] : '');
  const features = config['os.features'];
  if (text('os') === '' && text('architecture') === '') return undefined;
  return {
    architecture: text('architecture'),
    os: text('os'),
    ...(text('os.version') === '' ? {} : { 'os.version': text('os.version') }),
    ...(Array.isArray(features) && features.length > 0 ? { 'os.features': features.map(String) } : {}),
    ...(text('variant') === '' ? {} : { variant: text('variant') }),
  };
}

/**
 * An index of the entries that satisfy one of the filters. Entries without a platform go, and so do attestations, whose
 * platform is unknown.
 * @throws OciError `INVALID_OPTION` without a filter; what reading the index throws
 */
export async function filterIndex(
  index: IndexView,
  filters: readonly PlatformFilter[],
  options: CallOptions = {},
): Promise<IndexView> {
  if (filters.length === 0) {
    throw new OciError(
      'INVALID_OPTION',
      'no platform to filter an index by: name at least one, as linux/arm64',
    );
  }
  return await keepEntries(index, (entry) => filters.some((filter) => satisfies(entry, filter)), options);
}

/**
 * An index without the entries of these digests.
 * @throws OciError `MANIFEST_UNKNOWN` for a digest that it does not have; what reading the index throws
 */
export async function removeFromIndex(
  index: IndexView,
  digests: readonly Digest[],
  options: CallOptions = {},
): Promise<IndexView> {
  const { manifests } = await index.manifest(options);
  const missing = digests.find((digest) => manifests.every((entry) => entry.digest !== digest));
  if (missing !== undefined) {
    throw new OciError(
      'MANIFEST_UNKNOWN',
      `index ${index.descriptor.digest} has no entry ${missing}: its entries are ${manifests.map(({ digest }) => digest).join(', ') || 'none'}`,
    );
  }
  return await keepEntries(index, ({ digest }) => !digests.includes(digest), options);
}

async function keepEntries(
  index: IndexView,
  keeps: (entry: Descriptor) => boolean,
  options: CallOptions,
): Promise<IndexView> {
  const { manifests } = await index.manifest(options);
  const kept = manifests.map(keeps);
  return await editIndex(
    index,
    (document): Json =>
      withFields(document, { manifests: entriesOf(document).filter((_, at) => kept[at] === true) }),
    options,
  );
}
