import { networkReason, type NetworkReason } from './network-errors.js';
import { responseDetail } from './errors.js';

const STATUSES: ReadonlySet<number> = new Set([408, 429, 499, 500, 502, 503, 504, 522]);

/** What may be over in a moment. A host that is not there, or not to be trusted, is the same the next time. */
const REASONS: ReadonlySet<NetworkReason> = new Set(['closed', 'timeout', 'unreachable', 'other']);

/** True for a status that the next attempt may not get. */
export function isPassingStatus(status: number): boolean {
  return STATUSES.has(status);
}

/** True for a failure that the next attempt may not meet: of the network, or an answer of the registry. */
export function isPassing(error: unknown): boolean {
  const reason = networkReason(error);
  if (reason !== undefined) return REASONS.has(reason);
  const status = responseDetail(error)?.status;
  return status !== undefined && STATUSES.has(status);
}

/** How waits grow. Times are milliseconds. */
export interface BackOffOptions {
  /** The wait after the first attempt; it doubles with each. Default 500. */
  readonly base?: number;
  /** The longest wait between attempts. Default 30 s. */
  readonly cap?: number;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/**
 * The wait after an attempt, in milliseconds. It doubles, and a random half of it is left out, so that many clients do
 * not come back at once.
 * @param attempt from 1
 */
export function backOff(
  attempt: number,
  { base = 500, cap = 30_000, random = Math.random }: BackOffOptions,
): number {
  return Math.round(Math.min(cap, base * 2 ** (attempt - 1)) * (1 - random() / 2));
}
