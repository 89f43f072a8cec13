import { childrenOf, isNonDistributable, parseManifest } from '../oci/index.js';

/**
 * What a pusher is told of a manifest that was taken, as a `Warning` header (distribution-spec, "Warnings").
 * @returns undefined when there is nothing to tell
 */
export function warningOf(bytes: Uint8Array, mediaType: string): string | undefined {
  // Most manifests are of no such kind: a look at the bytes saves reading them once more.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!text.includes('nondistributable') && !text.includes('rootfs.foreign')) return undefined;
  const children = childrenOf(parseManifest(bytes, mediaType));
  const count = children.filter((child) => isNonDistributable(child.mediaType)).length;
  if (count === 0) return undefined;
  return `299 - "non-distributable layers are deprecated: ${count} of this manifest may be missing here"`;
}
