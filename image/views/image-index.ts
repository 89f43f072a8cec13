import {
  OciError,
  isIndexType,
  isImageType,
  parseManifest,
  quote,
  type Blob,
  type CallOptions,
  type Descriptor,
  type Index,
  type IndexManifest,
} from '../../oci/index.js';
import type { Source } from '../media.js';
import { blobOf, readManifest } from '../read.js';
import { imageFrom, type ImageView } from './image.js';
import { once } from './once.js';

/** An index whose children are views of ours. */
export interface IndexView extends Index {
  child(descriptor: Descriptor, options?: CallOptions): Promise<View>;
  /** An entry that is no manifest, which an index may list too. */
  blob?(descriptor: Descriptor): Blob;
}

/** What a reference can lead to. */
export type View = ImageView | IndexView;

/**
 * An index of a source. Nothing is read before it is asked for, and the manifest only once; all bytes are checked
 * against their digests.
 * @throws OciError from its methods: `MANIFEST_INVALID`, and what `readManifest` throws
 */
export function indexFrom(source: Source, descriptor: Descriptor): IndexView {
  const raw = once((options) => readManifest(source, descriptor, options));
  const manifest = once(async (options) => indexManifest(await raw(options), descriptor));
  return {
    kind: 'index',
    descriptor,
    raw,
    manifest,
    child: (child, options) => openView(source, child, options),
    blob: (entry) => blobOf(source, entry),
  };
}

/**
 * What a descriptor of a source names. Its type is told by the descriptor; only where that says nothing of the kind is
 * the manifest read.
 * @throws OciError `MANIFEST_INVALID` for what is neither image nor index, and what `readManifest` throws
 */
export async function openView(
  source: Source,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<View> {
  if (isImageType(descriptor.mediaType)) return imageFrom(source, descriptor);
  if (isIndexType(descriptor.mediaType)) return indexFrom(source, descriptor);
  const { kind, mediaType } = parseManifest(
    await readManifest(source, descriptor, options),
    descriptor.mediaType,
  );
  const typed = { ...descriptor, mediaType };
  return kind === 'image' ? imageFrom(source, typed) : indexFrom(source, typed);
}

function indexManifest(bytes: Uint8Array, { digest, mediaType }: Descriptor): IndexManifest {
  const manifest = parseManifest(bytes, mediaType);
  if (manifest.kind === 'index') return manifest;
  throw new OciError(
    'MANIFEST_INVALID',
    `manifest ${digest} is ${quote(manifest.mediaType)}, expected an index`,
  );
}
