export { ID_ANNOTATION, RANGE_ANNOTATION, TAG_ANNOTATION } from './annotations.js';
export { chooseTag, parseRangeReference, parseWantedRange, type RangeReference } from './choose.js';
export { imagesInFiles, type InputOptions } from './inputs/files.js';
export { imagesInText } from './inputs/text.js';
export type { Mention, Mentions } from './inputs/mention.js';
export { lockOfResolved, resolveImages, type ResolveOptions, type ResolvedImage } from './resolve.js';
export { movesAsText, updateLock, type LockMove, type UpdatedLock } from './update.js';
export { wantedImages, type WantedImage, type WantedImages } from './wanted.js';
