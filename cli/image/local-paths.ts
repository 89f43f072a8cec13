import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isSpelledOut } from './place-names.js';

/** A path and no place in a registry: it begins as none of those can, or a layout lies there. */
export function isLayoutPath(text: string): boolean {
  return isPath(text) || (!isSpelledOut(text) && existsSync(join(text, 'index.json')));
}

/** A path: it begins as no place in a registry can, or something lies there. */
export function isFilePath(text: string): boolean {
  return text === '-' || isPath(text) || (!isSpelledOut(text) && existsSync(text));
}

const isPath = (text: string): boolean => /^\.{0,2}\//.test(text) || text === '.' || text === '..';
