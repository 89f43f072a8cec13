export { annotate, setSubject, type AnnotationPatch } from './annotate.js';
export { appendLayers, type Addition } from './append.js';
export { editConfig, type ConfigPatch, type Healthcheck } from './config.js';
export { eachImage, flatten, type FlattenOptions } from './flatten.js';
export type { HistoryEntry } from './history.js';
export {
  appendToIndex,
  filterIndex,
  platformOf,
  removeFromIndex,
  type AppendToIndexOptions,
  type IndexAddition,
} from './image-index.js';
export { convertTo, setMediaTypes, type ImageMediaTypes } from './media-types.js';
export { BASE_DIGEST, BASE_NAME, rebase, type RebaseOptions } from './rebase.js';
export { canonical, setTimes } from './times.js';
export type { Family } from './types.js';
