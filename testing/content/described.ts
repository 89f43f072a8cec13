import {
  MEDIA_TYPES,
  OciError,
  digestOf,
  encodeJson,
  parsePlatform,
  type Descriptor,
  type Platform,
} from '../../oci/index.js';
import {
  imageContent,
  indexContent,
  itemOf,
  type ImageContent,
  type IndexContent,
  type Item,
  type Subject,
} from './content.js';
import { storedGzip } from './gzip.js';
import { seededBytes, type RandomSeed } from './seeded.js';
import { tarOf, type Files } from './tar.js';

/** What an image holds. All of it has a default; equal descriptions give equal digests everywhere. */
export interface ImageDescription {
  /** Files of the first layer. */
  readonly files?: Files;
  /** Layers with one file of random bytes each, above the files. Default 0. */
  readonly layers?: number;
  /** Bytes of that file; the tar around it adds about 2 KiB. Default 1024. */
  readonly layerSize?: number;
  /** What the random bytes depend on. Default 0. */
  readonly random?: RandomSeed;
  /** As `linux/arm64/v8`. Default `linux/amd64`. */
  readonly platform?: string | Platform;
  /** The `config` of the image's configuration: `Env`, `Entrypoint`, `Labels` and so on. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Subject;
  /** Whose media types. Default `oci`; a Docker image has no subject. */
  readonly format?: 'oci' | 'docker';
  /** `gzip` wraps layers without making them smaller, so that digests do not depend on a compressor. Default `none`. */
  readonly compression?: 'none' | 'gzip';
}

/** An index with one image for each platform, all of one description. */
export interface IndexDescription extends Omit<ImageDescription, 'platform'> {
  readonly platforms: readonly (string | Platform)[];
}

/** A blob of an artifact. */
export interface BlobDescription {
  readonly mediaType: string;
  readonly content: string | Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Something that is no image: a signature, an SBOM, a chart (image-spec, "Guidelines for Artifact Usage"). */
export interface ArtifactDescription {
  readonly artifactType: string;
  /** Its layers. Default: the empty blob. */
  readonly blobs?: readonly BlobDescription[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Subject;
}

const TYPES = {
  oci: {
    manifest: MEDIA_TYPES.ociManifest,
    index: MEDIA_TYPES.ociIndex,
    config: MEDIA_TYPES.ociConfig,
    layers: { none: MEDIA_TYPES.ociLayer, gzip: MEDIA_TYPES.ociLayerGzip },
  },
  docker: {
    manifest: MEDIA_TYPES.dockerManifest,
    index: MEDIA_TYPES.dockerManifestList,
    config: MEDIA_TYPES.dockerConfig,
    layers: { none: MEDIA_TYPES.dockerLayerPlain, gzip: MEDIA_TYPES.dockerLayer },
  },
} as const;

const CREATED = '1970-01-01T00:00:00Z';

/**
 * An image in memory.
 * @throws OciError `INVALID_OPTION` for a platform or a file that cannot be
 *
 * ```ts
 * const image = describedImage({ files: { '/etc/motd': 'hello' }, config: { Env: ['A=b'] } });
 * ```
 */
export function describedImage(description: ImageDescription = {}): ImageContent {
  const { format = 'oci', compression = 'none', annotations, subject } = description;
  const types = TYPES[format];
  const platform = platformOf(description.platform ?? 'linux/amd64');
  const tars = tarsOf(description);
  const configuration = {
    created: CREATED,
    ...platform,
    config: description.config ?? {},
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
    history: tars.map((_, index) => ({ created: CREATED, created_by: `layer ${index}` })),
  };
  const parts = {
    config: itemOf(types.config, encodeJson(configuration)),
    layers: tars.map((tar) =>
      itemOf(types.layers[compression], compression === 'gzip' ? storedGzip(tar) : tar),
    ),
  };
  return imageContent(types.manifest, parts, { annotations, subject });
}

/**
 * An index in memory, and its images. Random layers differ from platform to platform; files are one layer for all.
 * @throws OciError `INVALID_OPTION` for a platform or a file that cannot be
 */
export function describedIndex(description: IndexDescription): IndexContent {
  const { platforms, annotations, subject, ...rest } = description;
  const built = platforms.map(platformOf).map((platform) => {
    const random = `${rest.random ?? 0}/${JSON.stringify(platform)}`;
    const image = describedImage({ ...rest, platform, random });
    const entry: Descriptor = { ...image.descriptor, platform };
    return { image, entry };
  });
  const parts = { images: built.map(({ image }) => image), entries: built.map(({ entry }) => entry) };
  return indexContent(TYPES[rest.format ?? 'oci'].index, parts, { annotations, subject });
}

/** An artifact in memory: the empty config, and blobs as they are given. */
export function describedArtifact(description: ArtifactDescription): ImageContent {
  const { artifactType, blobs, annotations, subject } = description;
  const empty = itemOf(MEDIA_TYPES.ociEmpty, Buffer.from('{}'));
  const layers = blobs?.map(blobItem) ?? [empty];
  return imageContent(
    MEDIA_TYPES.ociManifest,
    { config: empty, layers },
    { artifactType, annotations, subject },
  );
}

function blobItem({ mediaType, content, annotations }: BlobDescription): Item {
  const { descriptor, bytes } = itemOf(mediaType, Buffer.from(content));
  return { descriptor: annotations === undefined ? descriptor : { ...descriptor, annotations }, bytes };
}

function tarsOf({ files, layers = 0, layerSize = 1024, random = 0 }: ImageDescription): Uint8Array[] {
  if (![layers, layerSize].every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw new OciError(
      'INVALID_OPTION',
      `${layers} layers of ${layerSize} bytes: expected whole numbers that are not negative`,
    );
  }
  const tars = files === undefined ? [] : [tarOf(files)];
  for (let index = 0; index < layers; index++)
    tars.push(tarOf({ [`random-${index}.bin`]: seededBytes(`${random}/layer/${index}`, layerSize) }));
  return tars;
}

function platformOf(platform: string | Platform): Platform {
  return typeof platform === 'string' ? parsePlatform(platform) : platform;
}
