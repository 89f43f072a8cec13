export { imageFrom, isImageConfigType, type ImageView } from './image.js';
export { indexFrom, openView, type IndexView, type View } from './image-index.js';
export { isLayerType, type LayerView } from './layer.js';
export { sourceOf } from './source.js';
export {
  DEFAULT_PLATFORM,
  parsePlatformFilter,
  satisfies,
  selectPlatform,
  type PlatformFilter,
  type SelectOptions,
} from './select.js';
