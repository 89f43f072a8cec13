import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { cells } from './report.mjs';

const FILE = new URL('../RESULTS.md', import.meta.url);
/** Options with a place on somebody's disk, which is nobody else's business. */
const PLACES = ['--data', '--results', '--dist', '--versus'];
const INTRODUCTION = `# Results

Written by \`npm run bench -- SUITE --record\`. Contenders take turns within one run on one machine; a ratio compares
samples of the same round, and above 1 is better for Ocilot. Figures are medians with the lowest and the highest in
brackets. Absolute figures say something about that machine only.
`;

/** @param {readonly string[]} line */
const markdownRow = (line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/**
 * Rewrites the section of a suite and leaves the others alone.
 * @param {string} suite
 * @param {import('./types.js').Report} report
 * @param {readonly string[]} args
 * @param {string} [path] another file than the one of the repository
 */
export async function recordReport(suite, report, args, path) {
  const file = path === undefined ? FILE : pathToFileURL(path);
  // What exactly went wrong was printed; it may name places on somebody's disk.
  const rows = report.rows.map((row) => (row.failed === undefined ? row : { ...row, failed: 'in this run' }));
  const [head = [], ...body] = cells({ ...report, rows });
  const facts = Object.entries(report.facts).map(([name, value]) => `${name} ${value}`);
  const shownArgs = args
    .filter((arg, index) => {
      const place = PLACES.some((name) => arg.startsWith(name) || args[index - 1] === name);
      return arg !== '--record' && !place;
    })
    .join(' ');
  const section = [
    `## ${suite}`,
    '',
    `\`npm run bench -- ${shownArgs}\`; ${facts.join('; ')}.`,
    '',
    markdownRow(head),
    markdownRow(head.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...body.map((line) =>
      markdownRow([...line, ...Array.from({ length: head.length - line.length }, () => '')]),
    ),
    ...report.notes.flatMap((note) => ['', note]),
    '',
  ].join('\n');
  const text = await readFile(file, 'utf8').catch(() => INTRODUCTION);
  const sections = text.split(/\n(?=## )/);
  const at = sections.findIndex((part) => part.startsWith(`## ${suite}\n`));
  if (at < 0) sections.push(section);
  else sections[at] = section;
  await writeFile(file, `${sections.map((part) => part.trimEnd()).join('\n\n')}\n`);
}
