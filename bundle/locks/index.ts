export { formatPinned, parsePinned, type PinnedReference } from './lock-file.js';
export { parseImagesLock, printImagesLock, type ImagesLock, type LockedImage } from './images-lock.js';
export { parseBundleLock, printBundleLock, type BundleLock } from './bundle-lock.js';
export {
  LOCATIONS_FILE,
  parseImageLocations,
  printImageLocations,
  type ImageLocation,
  type ImageLocations,
} from './image-locations.js';
export { parseLock } from './any-lock.js';
