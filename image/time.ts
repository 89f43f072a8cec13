import { OciError, quote } from '../oci/index.js';

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * A time as configs have it: RFC 3339, without a fraction that is zero.
 * @throws OciError `INVALID_OPTION`
 */
export function timeText(time: Date | string): string {
  if (typeof time === 'string') {
    if (RFC3339.test(time) && !Number.isNaN(Date.parse(time))) return time;
    throw new OciError('INVALID_OPTION', `time ${quote(time)} is not valid: expected 2024-01-31T12:00:00Z`);
  }
  const seconds = time.getTime();
  if (Number.isNaN(seconds)) throw new OciError('INVALID_OPTION', 'the date is not valid');
  return time.toISOString().replace('.000Z', 'Z');
}

/**
 * What `SOURCE_DATE_EPOCH` says: the time that stands in reproducible output (reproducible-builds.org).
 * @throws OciError `INVALID_OPTION` for anything but whole seconds since 1970
 */
export function sourceDateEpoch(environment: NodeJS.ProcessEnv = process.env): Date | undefined {
  const text = environment.SOURCE_DATE_EPOCH;
  if (text === undefined || text === '') return undefined;
  const date = new Date(Number(text) * 1000);
  if (/^\d{1,11}$/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new OciError(
    'INVALID_OPTION',
    `SOURCE_DATE_EPOCH is ${quote(text)}, expected whole seconds since 1970`,
  );
}
