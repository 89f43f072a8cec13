export { requireBase, withBase, type FoundElsewhere } from './base.js';
export {
  loadArchive,
  loadSource,
  type LoadOptions,
  type LoadReport,
  type LoadTarget,
  type Placed,
} from './load.js';
