export { openLayout, type OpenLayoutOptions } from './folder.js';
export { createLayout, type CreateLayoutOptions } from './sink.js';
export { layoutGc, type LayoutGcReport } from './collect.js';
export { LayoutSource } from './source.js';
