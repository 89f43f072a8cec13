/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = numbers.filter(Number.isFinite).toSorted((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/**
 * How much better `ours` is, sample by sample of the same round: above 1 is better, whatever the unit.
 * @param {readonly number[]} ours
 * @param {readonly number[]} peer
 * @param {'more' | 'less'} better
 */
export function ratios(ours, peer, better) {
  return ours
    .map((value, round) =>
      better === 'more' ? value / (peer[round] ?? Number.NaN) : (peer[round] ?? Number.NaN) / value,
    )
    .filter(Number.isFinite);
}

/** @param {readonly number[]} numbers */
export function spread(numbers) {
  const finite = numbers.filter(Number.isFinite);
  return { low: Math.min(...finite), high: Math.max(...finite) };
}
