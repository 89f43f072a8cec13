import { OciError, quote } from '../../oci/index.js';

/**
 * Reads a whole number within bounds.
 * @throws OciError `INVALID_OPTION`
 */
export function parseWhole(value: string | number, least: number, most: number): number {
  const number = /^\d{1,15}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new OciError(
    'INVALID_OPTION',
    `${quote(String(value))} is not valid: expected ${wholeShape(least, most)}`,
  );
}

/** What `parseWhole` takes, in words. */
export const wholeShape = (least: number, most: number): string => `a whole number from ${least} to ${most}`;
