// What media have in common, and content in memory.
export type { Origin, PutBlobOptions, PutManifestOptions, Root, Sink, Source } from './media.js';
export { memoryStore, type MemoryStore } from './memory.js';
export { formatPlace, parsePlace, type Place } from './place.js';
export { sourceHasBlob, sourceHasManifest } from './probe.js';
export { blobOf, openBlob, readManifest } from './read.js';

// archive/
export {
  archiveFacts,
  createDockerArchive,
  createLayoutArchive,
  openArchive,
  openDockerArchive,
  openImgpkgArchive,
  openLayoutArchive,
  openVerifiedArchive,
  verifyArchive,
  type ArchiveBase,
  type ArchiveFacts,
  type ArchiveInput,
  type ArchiveProblem,
  type ArchiveReport,
  type ArchiveSource,
  type ArchiveTarget,
  type DockerArchiveOptions,
  type DockerNameOptions,
  type ImgpkgArchive,
  type ImgpkgEntry,
  type LayoutArchive,
  type LayoutArchiveOptions,
  type SplitTarget,
  type VerifiedArchive,
} from './archive/index.js';

// copy/
export {
  copy,
  type Carried,
  type CopyOptions,
  type CopyReport,
  type CopyRoot,
  type Tally,
  type Tie,
} from './copy/index.js';

// Images and indexes of nothing, and of noise.
export { emptyImage, emptyIndex } from './empty.js';
export { randomImage, randomIndex, type RandomImageOptions, type RandomIndexOptions } from './random.js';

// files/
export {
  exportTar,
  extract,
  flattenedEntries,
  folderEntries,
  layerFromFolder,
  layerFromStream,
  retimedLayer,
  rewriteLayer,
  windowsLayer,
  type ExtractOptions,
  type ExtractReport,
  type FlattenedEntry,
  type FlattenedOptions,
  type FolderLayerOptions,
  type FolderOptions,
  type SpooledLayer,
} from './files/index.js';

// Layers and how they are packed.
export {
  compress,
  decompress,
  detectCompression,
  type Compression,
  type DecompressOptions,
} from './compression.js';
export { TOC_DIGEST } from './estargz/index.js';
export { GzipEncoder, gzip } from './gzip/index.js';
export { createLayer, layerFromBytes, layerFromFile, type LayerOptions, type Opener } from './layer.js';
export type { Packing } from './packing.js';

// layout/
export {
  LayoutSource,
  createLayout,
  layoutGc,
  openLayout,
  type CreateLayoutOptions,
  type LayoutGcReport,
  type OpenLayoutOptions,
} from './layout/index.js';

// mutate/
export {
  BASE_DIGEST,
  BASE_NAME,
  annotate,
  appendLayers,
  appendToIndex,
  canonical,
  convertTo,
  editConfig,
  filterIndex,
  flatten,
  platformOf,
  rebase,
  removeFromIndex,
  setMediaTypes,
  setSubject,
  setTimes,
  type Addition,
  type AnnotationPatch,
  type AppendToIndexOptions,
  type ConfigPatch,
  type Family,
  type FlattenOptions,
  type Healthcheck,
  type HistoryEntry,
  type ImageMediaTypes,
  type IndexAddition,
  type RebaseOptions,
} from './mutate/index.js';
export { sourceDateEpoch } from './time.js';

// tar/
export {
  encodeHeader,
  readTar,
  writeTar,
  type ReadTarOptions,
  type TarEntry,
  type TarHeader,
  type TarMember,
  type TarType,
} from './tar/index.js';

// validate/
export { validate, type Problem, type ValidateOptions } from './validate/index.js';

// views/
export {
  DEFAULT_PLATFORM,
  imageFrom,
  indexFrom,
  isImageConfigType,
  isLayerType,
  openView,
  parsePlatformFilter,
  satisfies,
  selectPlatform,
  sourceOf,
  type ImageView,
  type IndexView,
  type LayerView,
  type PlatformFilter,
  type SelectOptions,
  type View,
} from './views/index.js';
