import { OciError, quote } from '../../oci/index.js';

/** Bytes of each unit, smallest first: powers of ten, and of two with an `i`. */
const UNITS = new Map<string, number>([
  ['B', 1],
  ['KB', 1000],
  ['KiB', 1024],
  ['MB', 1000 ** 2],
  ['MiB', 1024 ** 2],
  ['GB', 1000 ** 3],
  ['GiB', 1024 ** 3],
  ['TB', 1000 ** 4],
  ['TiB', 1024 ** 4],
]);

const BY_NAME = new Map([...UNITS].map(([name, bytes]) => [name.toLowerCase(), bytes]));

/**
 * Reads a number of bytes: `512KiB`, `1.5 GB`, or a plain number. Case does not matter.
 * @throws OciError `INVALID_OPTION`
 */
export function parseSize(text: string | number): number {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(String(text).trim());
  const factor = match?.[2] === '' ? 1 : BY_NAME.get(match?.[2]?.toLowerCase() ?? '');
  const bytes = match === null || factor === undefined ? Number.NaN : Math.round(Number(match[1]) * factor);
  if (!Number.isSafeInteger(bytes))
    throw new OciError('INVALID_OPTION', `size ${quote(String(text))} is not valid: expected ${SIZE_SHAPE}`);
  return bytes;
}

/** What `parseSize` takes, in words. */
export const SIZE_SHAPE = 'a number of bytes such as 512KiB, 10GiB or 1000000';

/** The shortest text that `parseSize` reads as exactly this. */
export function formatSize(bytes: number): string {
  for (const [name, factor] of [...UNITS].toReversed()) {
    if (name !== 'B' && bytes > 0 && bytes % factor === 0) return `${bytes / factor}${name}`;
  }
  return String(bytes);
}

/** A size for a person: at most one decimal, in units of 1024. */
export function showSize(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit++;
  }
  const shown = unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${shown} ${names[unit]}`;
}
