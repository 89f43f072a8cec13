import { describe, parseManifest, type ImageManifest, type IndexManifest } from '../../oci/index.js';
import type { Origin } from '../media.js';
import type { ImageView } from './image.js';
import type { IndexView } from './image-index.js';
import type { LayerView } from './layer.js';

/** What an image in memory is made of. */
export interface ImageParts {
  /** The manifest, which must list the config and the layers that come along. */
  readonly raw: Uint8Array;
  readonly config: Uint8Array;
  readonly layers: readonly LayerView[];
  /** Which repository has the config. */
  readonly origin?: Origin | undefined;
}

/** An image whose documents lie in memory; its layers open when they are read. */
export function makeImage({ raw, config, layers, origin }: ImageParts): ImageView {
  const manifest = parseManifest(raw) as ImageManifest;
  return {
    kind: 'image',
    descriptor: describe(manifest.mediaType, raw),
    raw: async () => raw,
    manifest: async () => manifest,
    config: async () => config,
    layers: async () => layers,
    ...(origin === undefined ? {} : { origin }),
  };
}

/** Where an index in memory has its entries from. */
export type IndexParts = Required<Pick<IndexView, 'blob' | 'child'>> & { readonly raw: Uint8Array };

/** An index whose manifest lies in memory. */
export function makeIndex({ raw, child, blob }: IndexParts): IndexView {
  const manifest = parseManifest(raw) as IndexManifest;
  return {
    kind: 'index',
    descriptor: describe(manifest.mediaType, raw),
    raw: async () => raw,
    manifest: async () => manifest,
    child,
    blob,
  };
}
