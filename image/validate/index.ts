export type { Problem, ValidateOptions } from './problem.js';
export { validate } from './validate.js';
