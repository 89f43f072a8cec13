// Lists of images, and where they are.
export {
  formatPinned,
  parseBundleLock,
  parseImageLocations,
  parseImagesLock,
  parseLock,
  parsePinned,
  printBundleLock,
  printImageLocations,
  printImagesLock,
  type BundleLock,
  type ImageLocation,
  type ImageLocations,
  type ImagesLock,
  type LockedImage,
  type PinnedReference,
} from './locks/index.js';
export {
  digestTag,
  isGeneratedTag,
  locationsTag,
  parseRepositoryReference,
  parseTarget,
  parseWanted,
  repositoryTag,
  signatureTag,
} from './names.js';
export { Places, type Finder, type Found, type OpenRepository, type Place } from './places.js';

// push
export { pushBundle, pushImage, type PushOptions } from './push/push.js';
export { DEFAULT_EXCLUSIONS, type InputEntry } from './push/files.js';

// pull
export {
  pullBundle,
  pullImage,
  type PullBundleOptions,
  type PullEvent,
  type PullOptions,
  type PulledBundle,
} from './pull/pull.js';

// copy
export {
  gatherBundle,
  gatherBundleLock,
  gatherImage,
  gatherImagesLock,
  type CopyItem,
  type CopySet,
  type GatherOptions,
} from './copy/set.js';
export {
  checkLockable,
  copyToRepository,
  type CopiedSet,
  type CopySetOptions,
  type Destination,
  type ToRepositoryOptions,
} from './copy/to-repository.js';
export { planCopy } from './copy/plan.js';
export { narrowSet, type NarrowedSet } from './copy/narrow.js';
export { gatherArchive } from './archive/read.js';
export { archivePlaces, type ArchivePlaces } from './archive/places.js';
export { openReusable, type Reusable } from './archive/reuse.js';
export { writeImgpkgTar, type ImgpkgTarOptions } from './archive/write-imgpkg.js';
export { writeLayoutTar, type ToArchiveOptions, type WrittenArchive } from './archive/write-layout.js';

// describe
export {
  describeBundle,
  type DescribeOptions,
  type DescribedBundle,
  type DescribedImage,
} from './describe/describe.js';
export { describeAsJson, describeAsText, describeAsYaml } from './describe/print.js';

// init, tree, diff
export { checkFolder, initBundle } from './init.js';
export { archiveTree, bundleTree, nodesOf, type TreeNode } from './tree.js';
export { treeAsData, treeAsText, type PlainNode } from './print-tree.js';
export {
  diffAsData,
  diffAsText,
  diffBundles,
  type BundleDiff,
  type BundleFiles,
  type FileChange,
  type ImageChange,
} from './diff/index.js';

// lock
export {
  ID_ANNOTATION,
  RANGE_ANNOTATION,
  TAG_ANNOTATION,
  chooseTag,
  imagesInFiles,
  imagesInText,
  lockOfResolved,
  movesAsText,
  parseRangeReference,
  parseWantedRange,
  resolveImages,
  updateLock,
  wantedImages,
  type InputOptions,
  type LockMove,
  type Mention,
  type Mentions,
  type RangeReference,
  type ResolveOptions,
  type ResolvedImage,
  type UpdatedLock,
  type WantedImage,
  type WantedImages,
} from './lock/index.js';

// inventories, and archives of what is missing
export {
  encodeInventory,
  expandInventory,
  inventoryOf,
  mergeInventories,
  parseInventory,
  readInventory,
  withInventory,
  writeInventory,
  type Inventory,
  type InventoryOptions,
  type InventoryPlace,
} from './inventory/index.js';

// loading
export {
  loadArchive,
  loadSource,
  requireBase,
  withBase,
  type FoundElsewhere,
  type LoadOptions,
  type LoadReport,
  type LoadTarget,
  type Placed,
} from './loading/index.js';
