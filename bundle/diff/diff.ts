import { OciError, type CallOptions } from '../../oci/index.js';
import type { TreeNode } from '../tree.js';
import { diffFiles, type FileChange } from './files.js';
import { diffImages, type ImageChange } from './images.js';

/** The files that differ in one bundle. */
export interface BundleFiles {
  /** The bundle as it was, and as it is. */
  readonly from: TreeNode;
  readonly to: TreeNode;
  readonly files: readonly FileChange[];
}

/** How two bundles differ. */
export interface BundleDiff {
  readonly from: TreeNode;
  readonly to: TreeNode;
  /** Nothing differs. */
  readonly same: boolean;
  /** The two bundles first, then bundles in them that moved; only those with files that differ. */
  readonly bundles: readonly BundleFiles[];
  readonly images: readonly ImageChange[];
}

/**
 * How two bundles differ: their files, the images that they list at any depth, and the files of bundles in them. Images
 * that are no bundles are compared by their digests; their layers are not read.
 * @throws OciError `INVALID_OPTION` for indexes, what reading the others throws
 */
export async function diffBundles(
  from: TreeNode,
  to: TreeNode,
  options: CallOptions = {},
): Promise<BundleDiff> {
  for (const { kind, reference } of [from, to])
    if (kind === 'index')
      throw new OciError(
        'INVALID_OPTION',
        `${reference} is an index: expected a bundle or an image; name one of its images by its digest`,
      );
  const images = diffImages(from, to);
  const moved = images.flatMap((change) =>
    change.from?.kind === 'bundle' && change.to?.kind === 'bundle'
      ? [{ from: change.from, to: change.to }]
      : [],
  );
  const bundles: BundleFiles[] = [];
  for (const pair of [{ from, to }, ...moved]) {
    // oxlint-disable-next-line no-await-in-loop -- each keeps its layers in a temporary folder
    const files = await diffFiles(pair.from, pair.to, options);
    if (files.length > 0) bundles.push({ ...pair, files });
  }
  return { from, to, same: from.digest === to.digest, bundles, images };
}
