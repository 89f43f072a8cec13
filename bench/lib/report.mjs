import { median, ratios, spread } from './statistics.mjs';

/** @param {number} value */
export function figure(value) {
  if (!Number.isFinite(value)) return '-';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** @param {readonly number[]} samples */
const shown = (samples) => {
  const { low, high } = spread(samples);
  const middle = figure(median(samples));
  return low === high || !Number.isFinite(low) ? middle : `${middle} (${figure(low)}–${figure(high)})`;
};

/**
 * The report as rows of cells, headings first.
 * @param {import('./types.js').Report} report
 * @returns {string[][]}
 */
export function cells({ contenders, peer, rows }) {
  const others = contenders.filter(({ id }) => id !== peer);
  const peerLabel = contenders.find(({ id }) => id === peer)?.label ?? peer;
  const head = ['', 'unit', peerLabel, ...others.flatMap(({ label }) => [label, 'ratio']), 'goal', ''];
  const body = rows.map((row) => {
    if (row.skip !== undefined) return [row.label, row.unit, `skipped: ${row.skip}`];
    if (row.failed !== undefined) return [row.label, row.unit, `failed: ${row.failed}`];
    const reference = row.samples[peer] ?? [];
    const figures = others.flatMap(({ id }) => {
      const samples = row.samples[id] ?? [];
      const factors = ratios(samples, reference, row.better);
      return [shown(samples), factors.length === 0 ? '-' : `×${shown(factors)}`];
    });
    return [row.label, row.unit, shown(reference), ...figures, ...judge(row, others, reference)];
  });
  return [head, ...body];
}

/**
 * The goal of a row and whether it was met: a bound holds for each of our stores, a ratio for the first, the default.
 * @param {import('./types.js').Result} row
 * @param {readonly { id: string, label: string }[]} ours
 * @param {readonly number[]} reference
 */
function judge({ samples, better, limit, target }, ours, reference) {
  if (limit !== undefined) {
    const missed = ours.filter(({ id }) => {
      const middle = median(samples[id] ?? []);
      return better === 'less' ? middle > limit : middle < limit;
    });
    const who = missed.length === ours.length ? '' : ` by ${missed.map(({ label }) => label).join(', ')}`;
    return [
      `${better === 'less' ? '≤' : '≥'} ${figure(limit)}`,
      missed.length === 0 ? 'met' : `MISSED${who}`,
    ];
  }
  if (target === undefined) return ['none', ''];
  const ratio = median(ratios(samples[ours[0]?.id ?? ''] ?? [], reference, better));
  return [`×${target}`, ratio >= target ? 'met' : 'MISSED'];
}

/** @param {import('./types.js').Report} report */
export function printReport(report) {
  const lines = cells(report);
  const columns = Math.max(...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.filter((line) => line.length === columns).map((line) => (line[column] ?? '').length)),
  );
  for (const line of lines) {
    console.log(
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    );
  }
  for (const note of report.notes) console.log(`\n${note}`);
}
