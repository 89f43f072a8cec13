import { OciError, quote } from '../../oci/index.js';

/** Milliseconds of each unit, smallest first. */
const UNITS = new Map<string, number>([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** Longest time a timer of Node can wait; beyond it fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** What `parseDuration` takes, in words. */
export const DURATION_SHAPE = 'a time with its unit such as 30s, 15m, 1h30m or 7d';

/**
 * Reads a time as milliseconds: `30s`, `1h30m`, `7d`; of numbers without a unit only 0.
 * @throws OciError `INVALID_OPTION`
 */
export function parseDuration(text: string | number): number {
  const trimmed = String(text).trim();
  if (trimmed === '0') return 0;
  let sum = WHOLE.test(trimmed) ? 0 : Number.NaN;
  for (const [, amount, unit] of trimmed.matchAll(PART)) sum += Number(amount) * (UNITS.get(unit ?? '') ?? 0);
  sum = Math.round(sum);
  if (!Number.isSafeInteger(sum)) {
    throw new OciError(
      'INVALID_OPTION',
      `duration ${quote(String(text))} is not valid: expected ${DURATION_SHAPE}`,
    );
  }
  return sum;
}

/** A text that `parseDuration` reads as exactly this, in the largest unit that fits; one day is 24 hours. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0';
  for (const [name, factor] of [...UNITS].toReversed()) {
    if (milliseconds % factor === 0 && (name !== 'd' || milliseconds > factor))
      return `${milliseconds / factor}${name}`;
  }
  return `${milliseconds}ms`;
}
