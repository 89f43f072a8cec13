import { parseDescriptor, type Descriptor } from './descriptor.js';
import { OciError } from './errors.js';
import { dropNulls, isObject, isStringMap, parseJson } from './json.js';
import { MEDIA_TYPES, baseMediaType, isImageType, isIndexType, isSchema1Type } from './media-types.js';
import { quote } from './quote.js';

/** Largest manifest that is read or stored here, in bytes. The spec asks for 4 MiB at least. */
export const MANIFEST_LIMIT = 8 * 1024 * 1024;

/** Most layers of an image or manifests of an index: each costs records, and real ones have some hundreds at most. */
export const DESCRIPTOR_LIMIT = 4096;

interface ManifestCommon {
  /** The type the manifest travels under: its `Content-Type`. */
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image or an artifact: a config and layers. */
export interface ImageManifest extends ManifestCommon {
  readonly kind: 'image';
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** A list of manifests, as one for each platform. */
export interface IndexManifest extends ManifestCommon {
  readonly kind: 'index';
  readonly manifests: readonly Descriptor[];
}

/** A manifest as far as rules need it. The exact bytes are what is stored, hashed and sent. */
export type Manifest = ImageManifest | IndexManifest;

const invalid = (message: string): OciError => new OciError('MANIFEST_INVALID', message);

/**
 * Reads an image manifest or an index (image-spec, manifest.md and image-index.md; Docker schema 2).
 * @param contentType the type the bytes came with; checked against the document's own `mediaType`
 * @throws OciError `MANIFEST_INVALID`
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest {
  const document = parseJson(bytes, 'manifest');
  if (!isObject(document)) throw invalid('manifest is not a JSON object');
  const mediaType = manifestType(document, contentType);
  if (document.schemaVersion !== 2) {
    throw invalid(`manifest has schemaVersion ${showScalar(document.schemaVersion)}, expected 2`);
  }
  const common = parseCommon(document, mediaType);
  if (isIndexType(mediaType)) {
    if (document.layers !== undefined || document.config !== undefined) {
      throw invalid('manifest is an index but has config or layers');
    }
    return { ...common, kind: 'index', manifests: parseList(document.manifests, 'manifests') };
  }
  if (document.manifests !== undefined) throw invalid('manifest is an image but has a list of manifests');
  return {
    ...common,
    kind: 'image',
    config: parseDescriptor(document.config, 'config'),
    layers: parseList(document.layers, 'layers'),
  };
}

/** Never more than a line of it: the value may be a document of its own, as deep and long as it likes. */
function showScalar(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  return typeof value === 'number' || value === null ? String(value) : typeof value;
}

function parseCommon(document: Record<string, unknown>, mediaType: string): ManifestCommon {
  const { artifactType, subject, annotations } = dropNulls(document, [
    'artifactType',
    'subject',
    'annotations',
  ]);
  if (artifactType !== undefined && typeof artifactType !== 'string')
    throw invalid('artifactType is not a string');
  if (annotations !== undefined && !isStringMap(annotations))
    throw invalid('annotations is not a map of strings');
  return {
    mediaType,
    ...(artifactType ? { artifactType } : {}),
    ...(subject === undefined ? {} : { subject: parseDescriptor(subject, 'subject') }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function parseList(value: unknown, at: string): readonly Descriptor[] {
  // Go writes an empty list as null.
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalid(`${at} is ${value === undefined ? 'missing' : 'not a list'}`);
  if (value.length > DESCRIPTOR_LIMIT) {
    throw invalid(`${at} has ${value.length} entries, more than ${DESCRIPTOR_LIMIT}`);
  }
  return value.map((entry, index) => parseDescriptor(entry, `${at}[${index}]`));
}

/** Which type rules a manifest: what it came as, what it says of itself, or what its fields show. */
function manifestType(document: Record<string, unknown>, contentType: string | undefined): string {
  const own = document.mediaType ?? undefined;
  if (own !== undefined && typeof own !== 'string') throw invalid('mediaType is not a string');
  const sent = contentType === undefined ? '' : baseMediaType(contentType);
  const generic = sent === '' || sent === 'application/json' || sent === 'application/octet-stream';
  if (!generic && own && baseMediaType(own) !== sent) {
    throw invalid(`manifest says mediaType ${quote(own)} but was sent as ${quote(sent)}`);
  }
  const mediaType = own ? baseMediaType(own) : generic ? inferType(document) : sent;
  if (isSchema1Type(mediaType) || document.schemaVersion === 1) {
    throw invalid('Docker schema 1 manifests are not supported: push the image again with a current client');
  }
  if (!isImageType(mediaType) && !isIndexType(mediaType)) {
    throw invalid(`media type ${quote(mediaType)} is not a manifest type known here`);
  }
  return mediaType;
}

function inferType(document: Record<string, unknown>): string {
  if (document.manifests !== undefined) return MEDIA_TYPES.ociIndex;
  if (document.layers === undefined && document.config === undefined) return '';
  const config = isObject(document.config) ? document.config.mediaType : undefined;
  return config === MEDIA_TYPES.dockerConfig ? MEDIA_TYPES.dockerManifest : MEDIA_TYPES.ociManifest;
}

/** What a referrers list shows as `artifactType` (distribution-spec, "Listing Referrers"). */
export function artifactTypeOf(manifest: Manifest): string | undefined {
  if (manifest.artifactType) return manifest.artifactType;
  return manifest.kind === 'image' ? manifest.config.mediaType : undefined;
}

/** Everything a manifest points down to: children of an index; config and layers of an image. */
export function childrenOf(manifest: Manifest): readonly Descriptor[] {
  return manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
}
