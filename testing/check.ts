import { OciError, isObject, quote } from '../oci/index.js';

/** Checks of what types cannot vouch for: descriptions and rules may come from a file. */
export class Check {
  readonly #what: string;

  /** @param what is checked, for messages */
  constructor(what: string) {
    this.#what = what;
  }

  /** @throws OciError `INVALID_OPTION` always */
  fail(why: string): never {
    throw new OciError('INVALID_OPTION', `${this.#what} is not valid: ${why}`);
  }

  /** @throws OciError `INVALID_OPTION` for a value that is no object, or has another key */
  keys(at: string, value: unknown, known: readonly string[]): void {
    if (!isObject(value)) this.fail(`${at} is not an object`);
    const unknown = Object.keys(value).find((key) => !known.includes(key));
    if (unknown !== undefined) this.fail(`${at} has ${quote(unknown)}, expected ${known.join(', ')}`);
  }

  /** @throws OciError `INVALID_OPTION` for a value that is no whole number within the bounds, both included */
  whole(at: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): void {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return;
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
    this.fail(`${at} is ${String(value)}, expected a whole number from ${least}${upTo}`);
  }
}
