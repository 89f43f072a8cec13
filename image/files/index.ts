export { exportTar } from './export.js';
export { extract, type ExtractOptions, type ExtractReport } from './extract.js';
export { flattenedEntries, type FlattenedEntry, type FlattenedOptions } from './flattened.js';
export { folderEntries, layerFromFolder, type FolderLayerOptions, type FolderOptions } from './folder.js';
export { retimedLayer, rewriteLayer, windowsLayer } from './rewrite.js';
export { layerFromStream, type SpooledLayer } from './stream-layer.js';
