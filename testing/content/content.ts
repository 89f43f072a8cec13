import { describe, encodeJson, type Descriptor, type Digest } from '../../oci/index.js';

/** Bytes and what names them. */
export interface Item {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Everything below one manifest, in memory: ready to be put into a registry, and to be compared with what came out. */
export interface Content {
  readonly kind: 'image' | 'index';
  /** Names the manifest. */
  readonly descriptor: Descriptor;
  /** The digest of the manifest, which a tag would lead to. */
  readonly digest: Digest;
  /** The bytes of the manifest. */
  readonly manifest: Uint8Array;
  /** Configs and layers, each once. */
  readonly blobs: readonly Item[];
  /** All manifests, children before parents: the last is this one. */
  readonly manifests: readonly Item[];
}

/** An image or an artifact. */
export interface ImageContent extends Content {
  readonly kind: 'image';
  readonly config: Item;
  readonly layers: readonly Item[];
}

/** An index and its images, in the order of its list. */
export interface IndexContent extends Content {
  readonly kind: 'index';
  readonly images: readonly ImageContent[];
}

/** What a manifest may point up to: content, or only its name. */
export type Subject = Descriptor | Content;

/** Fields that any manifest may have. */
export interface ManifestFields {
  readonly artifactType?: string | undefined;
  readonly subject?: Subject | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Bytes under their media type. */
export function itemOf(mediaType: string, bytes: Uint8Array): Item {
  return { descriptor: describe(mediaType, bytes), bytes };
}

/** Puts an image manifest over a config and layers. */
export function imageContent(
  mediaType: string,
  parts: { readonly config: Item; readonly layers: readonly Item[] },
  fields: ManifestFields,
): ImageContent {
  const { config, layers } = parts;
  const manifest = encodeManifest(mediaType, fields, {
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return {
    kind: 'image',
    descriptor: manifest.descriptor,
    digest: manifest.descriptor.digest,
    manifest: manifest.bytes,
    blobs: distinct([config, ...layers]),
    manifests: [manifest],
    config,
    layers,
  };
}

/** Puts an index over images; `entries` are their descriptors as the list shows them. */
export function indexContent(
  mediaType: string,
  parts: { readonly images: readonly ImageContent[]; readonly entries: readonly Descriptor[] },
  fields: ManifestFields,
): IndexContent {
  const { images, entries } = parts;
  const manifest = encodeManifest(mediaType, fields, { manifests: entries });
  return {
    kind: 'index',
    descriptor: manifest.descriptor,
    digest: manifest.descriptor.digest,
    manifest: manifest.bytes,
    blobs: distinct(images.flatMap(({ blobs }) => blobs)),
    manifests: [...distinct(images.flatMap(({ manifests }) => manifests)), manifest],
    images,
  };
}

function encodeManifest(mediaType: string, fields: ManifestFields, body: object): Item {
  const { artifactType, subject, annotations } = fields;
  const up = subject !== undefined && 'descriptor' in subject ? subject.descriptor : subject;
  const document = {
    schemaVersion: 2,
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...body,
    ...(up === undefined ? {} : { subject: { mediaType: up.mediaType, digest: up.digest, size: up.size } }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return itemOf(mediaType, encodeJson(document));
}

/** The first of each digest. */
function distinct(items: readonly Item[]): Item[] {
  return [...new Map(items.map((item) => [item.descriptor.digest, item])).values()];
}
