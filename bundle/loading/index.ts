export { requireBase, withBase, type FoundElsewhere } from './base.js';
export { loadArchive, type LoadOptions, type LoadReport, type LoadTarget, type Placed } from './load.js';
