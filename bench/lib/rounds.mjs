/**
 * The list, begun at another place every round, so that nobody always goes first.
 * @template T
 * @param {readonly T[]} list
 * @param {number} by
 */
export const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)];

/**
 * Adds a sample to a row; one that fails is told, and fails the row.
 * @param {import('./types.js').Result} result
 * @param {{ id: string, label: string }} contender
 * @param {() => Promise<number>} work
 */
export async function sample(result, contender, work) {
  const samples = (result.samples[contender.id] ??= []);
  try {
    samples.push(await work());
  } catch (error) {
    samples.push(Number.NaN);
    result.failed = `${contender.label}: ${error instanceof Error ? error.message : String(error)}`;
  }
  const shown = samples.at(-1)?.toFixed(2);
  process.stderr.write(
    `  ${result.id.padEnd(22)} ${contender.id.padEnd(16)} ${shown} ${result.failed ?? result.unit}\n`,
  );
}

/**
 * What a row becomes, before it has samples.
 * @param {import('./types.js').Row} row
 * @returns {import('./types.js').Result}
 */
export function resultOf({ id, label, unit, better, target, limit, skip }) {
  return { id, label, unit, better, target, limit, skip, samples: {} };
}

/**
 * All rounds: in each, every row on every contender that it makes sense for.
 * @template {import('./types.js').Row} R
 * @template {{ id: string, label: string }} C
 * @param {readonly { row: R, result: import('./types.js').Result }[]} list
 * @param {readonly C[]} contenders
 * @param {number} rounds
 * @param {(row: R, contender: C) => Promise<number>} measure
 */
export async function inTurn(list, contenders, rounds, measure) {
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    for (const [index, { row, result }] of list.entries()) {
      if (row.skip !== undefined) continue;
      for (const contender of rotated(contenders, round + index)) {
        if (row.only?.includes(contender.id) === false) continue;
        await sample(result, contender, () => measure(row, contender));
      }
    }
  }
}
