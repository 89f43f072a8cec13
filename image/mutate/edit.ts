import {
  OciError,
  describe,
  isObject,
  parseJson,
  quote,
  type Blob,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import { encodeGo } from '../go-json.js';
import { isImageConfigType, parseConfig, type ImageView } from '../views/image.js';
import type { IndexView, View } from '../views/image-index.js';
import type { LayerView } from '../views/layer.js';
import { makeImage, makeIndex } from '../views/made.js';

/** A JSON object; what is in it is checked where it is used. */
export type Json = Readonly<Record<string, unknown>>;

/** An image taken apart. */
export interface Draft {
  /** The manifest with everything it says. Its `config` and `layers` follow from the fields below. */
  readonly manifest: Json;
  /** The config; undefined for that of an artifact, whose bytes stay as they are. */
  readonly config: Json | undefined;
  readonly layers: readonly LayerView[];
}

/**
 * An image with changes. Only its documents are read, never its layers. A document that the change leaves as it was
 * keeps its bytes, fields nobody knows stay, and a change of nothing gives the same image.
 * @throws OciError what reading the image throws
 */
export async function editImage(
  image: ImageView,
  change: (draft: Draft) => Partial<Draft>,
  options: CallOptions = {},
): Promise<ImageView> {
  const [raw, parsed, bytes, layers] = await Promise.all([
    image.raw(options),
    image.manifest(options),
    image.config(options),
    image.layers(options),
  ]);
  const manifest = objectOf(raw);
  const config = isImageConfigType(parsed.config.mediaType) ? parseConfig(bytes, parsed.config) : undefined;
  const edited = { manifest, config, layers, ...change({ manifest, config, layers }) };
  const kept = edited.config === undefined || isSame(edited.config, config);
  const newBytes = kept ? bytes : encodeGo(edited.config ?? {}, 'config');
  const document: Json = {
    ...edited.manifest,
    config: kept ? edited.manifest.config : described(edited.manifest.config, newBytes),
    layers: edited.layers === layers ? manifest.layers : edited.layers.map(({ descriptor }) => descriptor),
  };
  if (isSame(document, manifest)) return image;
  return makeImage({
    raw: encodeGo(document, 'manifest'),
    config: newBytes,
    layers: edited.layers,
    origin: kept ? image.origin : undefined,
  });
}

/** A config's descriptor for other bytes, a copy of them that it may hold included. */
function described(descriptor: unknown, bytes: Uint8Array): Json {
  const { data, ...rest } = isObject(descriptor) ? descriptor : {};
  const { digest, size } = describe('', bytes);
  return {
    ...rest,
    digest,
    size,
    ...(typeof data === 'string' ? { data: Buffer.from(bytes).toString('base64') } : {}),
  };
}

/** What is behind entries that were added to an index, by digest. */
export interface AddedEntries {
  readonly children?: ReadonlyMap<string, View>;
  /** Entries that are no manifests. */
  readonly blobs?: ReadonlyMap<string, Blob>;
}

/**
 * An index with changes to its document.
 */
export async function editIndex(
  index: IndexView,
  change: (document: Json) => Json,
  { children = new Map(), blobs = new Map(), ...options }: CallOptions & AddedEntries = {},
): Promise<IndexView> {
  const document = objectOf(await index.raw(options));
  const changed = change(document);
  if (isSame(changed, document)) return index;
  return makeIndex({
    raw: encodeGo(changed, 'index'),
    child: async (descriptor, call) =>
      children.get(descriptor.digest) ?? (await index.child(descriptor, call)),
    blob: (descriptor) => {
      const blob = blobs.get(descriptor.digest) ?? index.blob?.(descriptor);
      if (blob !== undefined) return blob;
      throw new OciError('BLOB_UNKNOWN', `index ${index.descriptor.digest} has no blob ${descriptor.digest}`);
    },
  });
}

function objectOf(bytes: Uint8Array): Json {
  const document = parseJson(bytes, 'manifest');
  if (isObject(document)) return document;
  throw new OciError('MANIFEST_INVALID', `manifest is ${quote(typeof document)}, expected a JSON object`);
}

/** The entries of an index as they stand in it, with what they say besides. */
export function entriesOf(document: Json): readonly Json[] {
  return Array.isArray(document.manifests) ? document.manifests.filter(isObject) : [];
}

const isSame = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** A field of a document that is to be an object. */
export function objectIn(document: Json, key: string): Json {
  const value = document[key];
  return isObject(value) ? value : {};
}

/** The object with fields changed in place, added at the end, or left out where they are undefined. */
export function withFields(document: Json, fields: Json): Json {
  return Object.fromEntries(
    Object.entries({ ...document, ...fields }).filter(([, value]) => value !== undefined),
  );
}

/** The same, for entries that are taken away by null: labels, annotations. */
export function withEntries(map: Json, changes: Json): Json | undefined {
  const left = Object.entries({ ...map, ...changes }).filter(([, value]) => value !== null);
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

/** For messages: which image or index it is. */
export const nameOf = ({ kind, descriptor }: { kind: string; descriptor: Descriptor }): string =>
  `${kind} ${descriptor.digest}`;
