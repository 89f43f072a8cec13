export { diffBundles, type BundleDiff, type BundleFiles } from './diff.js';
export type { FileChange } from './files.js';
export type { ImageChange } from './images.js';
export { diffAsData, diffAsText } from './print.js';
