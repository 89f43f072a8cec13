export { copy, type CopyOptions, type CopyReport, type Tally } from './copy.js';
export type { CopyRoot } from './plan.js';
export type { Carried, Tie } from './carry.js';
